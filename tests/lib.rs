//! Stories that cross route groups: see `stories/` (the platform in one process) and `lambda/` (the release
//! binaries behind the Lambda Runtime Interface).
