//! Statistics of links: whatever happens to the rollup, the numbers are those of the facts.

use crate::traffic::{Deed, Dice, Tags, Traffic, skip_quiet_time};
use crate::{app, create_link, path_of};
use anyspend_domain::Timestamp;
use anyspend_domain::statistics::{Day, TimeBucket};
use anyspend_store::statistics::Progress;
use anyspend_testing::App;
use anyspend_testing::faults::Fault;
use rollup_stats::{RecountError, recount, recount_link, rollup};
use serde_json::{Value, json};

const NO_TAGS: Tags = [None; 3];
/// Most calls of one run in these tests; a run that makes more would never be told dead.
const MOST_CALLS: u32 = 2_000;

async fn run(app: &App) -> rollup_stats::RolledUp {
    rollup(&app.platform.db, app.now()).await.unwrap()
}

/// Moves the clock to where the present bucket is over and closed.
fn close_bucket(app: &App) {
    let closed = TimeBucket::of(app.now()).end().plus_seconds(rollup_stats::GRACE_SECONDS);
    app.platform.clock.advance_millis(closed.millis_since(app.now()));
}

/// Moves the clock to where a day is due to be recounted.
fn end_day(app: &App, day: Day) {
    let due = day.last_bucket().end().plus_seconds(rollup_stats::RECOUNT_AFTER_SECONDS + 600);
    app.platform.clock.advance_millis(due.millis_since(app.now()));
}

#[tokio::test]
async fn what_has_just_happened_counts_at_once_and_again_the_same_after_the_rollup() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let mut dice = Dice(1);
    for _ in 0..30 {
        let (deed, tags) = dice.event();
        traffic.happen(app.now(), deed, tags).await;
        app.platform.clock.advance_millis(1 + dice.roll(60_000));
    }
    let live = traffic.stats(&client).await;
    traffic.check(&live, "before any rollup");
    assert_eq!(live["as_of"], json!(app.now().to_iso8601()));
    close_bucket(&app);
    assert!(run(&app).await.buckets > 0);
    traffic.check(&traffic.stats(&client).await, "after the rollup");
    // Rows alone, without a fact behind them.
    assert_eq!(run(&app).await.buckets, 0);
    traffic.happen(app.now(), Deed::View(1), NO_TAGS).await;
    traffic.check(&traffic.stats(&client).await, "rows and tail");
}

#[tokio::test]
async fn a_session_and_its_payment_count_through_the_api() {
    let app = app().await;
    let client = app.admin().await;
    let link = create_link(&client, json!({})).await;
    let body = json!({"payment_link_id": link["id"], "utm_source": "email"});
    let session = client.post("/api/v1/checkout-sessions", &body).await.expect(201);
    let pay = format!("/api/v1/test-helpers/checkout-sessions/{}/pay", session["id"].as_str().unwrap());
    client.post(&pay, &json!({})).await.expect(200);
    let stats = client.get(&format!("{}/stats", path_of(&link))).await.expect(200);
    assert_eq!((&stats["sessions"], &stats["completed"]), (&json!(1), &json!(1)));
    assert_eq!((&stats["conversion_rate"], &stats["total_volume"]), (&json!(1.0), &json!("10000000")));
    assert_eq!(stats["utm_breakdown"]["sources"], json!({"email": {"views": 0, "sessions": 1, "completed": 1}}));
    client.delete(&path_of(&link)).await.expect(200);
    client.get(&format!("{}/stats", path_of(&link))).await.expect_error(404, "resource_not_found");
    client.get(&format!("{}/visitors", path_of(&link))).await.expect_error(404, "resource_not_found");
}

#[tokio::test]
async fn a_rollup_that_dies_before_or_after_any_of_its_calls_counts_each_fact_once() {
    let app = app().await;
    let client = app.admin().await;
    let mut links = [Traffic::on_new_link(&app, &client).await, Traffic::on_new_link(&app, &client).await];
    run(&app).await;
    let mut dice = Dice(2);
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for call in 1..=MOST_CALLS {
            for _ in 0..3 {
                for traffic in &mut links {
                    let (deed, tags) = dice.event();
                    traffic.happen(app.now(), deed, tags).await;
                }
            }
            close_bucket(&app);
            app.faults.plan(move |number, _| (number == call).then_some(fault));
            let survived = app.faults.until_death(rollup(&app.platform.db, app.now())).await.is_some();
            app.faults.heal();
            for traffic in &links {
                traffic.check(&traffic.stats(&client).await, &format!("dead at call {call}, {fault:?}"));
            }
            run(&app).await;
            for traffic in &links {
                traffic.check(&traffic.stats(&client).await, &format!("after call {call}, {fault:?}"));
            }
            if survived {
                assert!(call > 20, "a run makes more calls than that");
                break;
            }
            assert!(call < MOST_CALLS);
        }
    }
}

#[tokio::test]
async fn rollups_that_run_at_once_count_each_fact_once() {
    let app = app().await;
    let client = app.admin().await;
    let mut links = Vec::new();
    for _ in 0..4 {
        links.push(Traffic::on_new_link(&app, &client).await);
    }
    let others = [app.another_instance(), app.another_instance(), app.another_instance()];
    let mut dice = Dice(3);
    for round in 0..12 {
        for _ in 0..=dice.roll(3) {
            for traffic in &mut links {
                let (deed, tags) = dice.event();
                traffic.happen(app.now(), deed, tags).await;
            }
            close_bucket(&app);
        }
        let (one, two, three) = tokio::join!(run(&others[0]), run(&others[1]), run(&others[2]));
        println!("{one:?} {two:?} {three:?}");
        for traffic in &links {
            traffic.check(&traffic.stats(&client).await, &format!("round {round}"));
        }
    }
}

#[tokio::test]
async fn random_days_with_dying_and_meeting_rollups_and_late_facts_equal_a_recount() {
    for seed in [10, 11] {
        Box::pin(random_days(seed)).await;
    }
}

async fn random_days(seed: u64) {
    let app = app().await;
    let client = app.admin().await;
    let mut links = [Traffic::on_new_link(&app, &client).await, Traffic::on_new_link(&app, &client).await];
    let other = app.another_instance();
    let mut dice = Dice(seed);
    run(&app).await;
    let first = Day::of(app.now());
    // An hour and a half before midnight, to some hours after it.
    let evening = first.last_bucket().end().millis_since(app.now()) - 5_400_000;
    app.platform.clock.advance_millis(evening);
    skip_quiet_time(&app).await;
    let mut moments: Vec<Timestamp> = Vec::new();
    while app.now() < first.next().first_bucket().end().plus_seconds(3 * 3_600) {
        for traffic in &mut links {
            for _ in 0..dice.roll(4) {
                let (deed, tags) = dice.event();
                traffic.happen(app.now(), deed, tags).await;
                moments.push(app.now());
            }
        }
        app.platform.clock.advance_millis(1_000 * (1 + dice.roll(1_800)));
        let (call, before) = (1 + u32::try_from(dice.roll(60)).unwrap(), dice.roll(2) == 0);
        let fault = if before { Fault::DieBefore } else { Fault::DieAfter };
        app.faults.plan(move |number, _| (number == call).then_some(fault));
        let (_, survivor) = tokio::join!(
            app.faults.until_death(rollup(&app.platform.db, app.now())),
            rollup(&other.platform.db, app.now())
        );
        app.faults.heal();
        survivor.unwrap();
        for traffic in &links {
            traffic.check(&traffic.stats(&client).await, &format!("seed {seed}, {}", app.now().to_iso8601()));
        }
    }
    // Facts that arrive long after their buckets were counted, some of them in buckets that had none.
    for traffic in &mut links {
        for _ in 0..12 {
            let place = usize::try_from(dice.roll(moments.len() as u64)).unwrap();
            let (deed, tags) = dice.event();
            traffic.happen(moments[place].plus_millis(dice.roll(600_000)), deed, tags).await;
        }
    }
    close_bucket(&app);
    run(&app).await;
    end_day(&app, first.next());
    skip_quiet_time(&app).await;
    for traffic in &links {
        recount_link(&app.platform.db, &traffic.link.id.short_code(), first.next(), app.now()).await.unwrap();
    }
    let (one, two) =
        tokio::join!(recount(&app.platform.db, first, app.now()), recount(&other.platform.db, first, app.now()));
    assert_eq!(one.unwrap().links + two.unwrap().links, 4);
    for traffic in &links {
        traffic.check(&traffic.stats(&client).await, &format!("seed {seed}, recounted"));
        let again = recount_link(&app.platform.db, &traffic.link.id.short_code(), first, app.now()).await;
        assert!(!again.unwrap(), "a recount leaves nothing to correct");
    }
}

#[tokio::test]
async fn a_recount_that_dies_at_any_call_and_runs_again_beside_another_one_corrects_once() {
    let app = app().await;
    let client = app.admin().await;
    let other = app.another_instance();
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let mut dice = Dice(4);
    run(&app).await;
    let (began, today, code) = (app.now(), Day::of(app.now()), traffic.link.id.short_code());
    traffic.happen(began, Deed::View(1), NO_TAGS).await;
    close_bucket(&app);
    run(&app).await;
    end_day(&app, today);
    skip_quiet_time(&app).await;
    // The mark, the rows and the receipts, the facts of 288 buckets, then the transaction.
    for call in [2, 150, 292] {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let (deed, tags) = dice.event();
            traffic.happen(began.plus_seconds(dice.roll(3_000)), deed, tags).await;
            app.faults.plan(move |number, _| (number == call).then_some(fault));
            let dying = recount_link(&app.platform.db, &code, today, app.now());
            let survived = Box::pin(app.faults.until_death(dying)).await;
            assert!(survived.is_none(), "it makes more calls than {call}");
            app.faults.heal();
            let (one, two) = tokio::join!(
                recount_link(&app.platform.db, &code, today, app.now()),
                recount_link(&other.platform.db, &code, today, app.now())
            );
            assert!(!(one.unwrap() && two.unwrap()), "both corrected the same");
            traffic.check(&traffic.stats(&client).await, &format!("dead at call {call}, {fault:?}"));
        }
    }
}

#[tokio::test]
async fn the_day_that_ended_is_recounted_by_the_rollup_itself() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    run(&app).await;
    let (began, today) = (app.now(), Day::of(app.now()));
    traffic.happen(began, Deed::View(1), NO_TAGS).await;
    close_bucket(&app);
    run(&app).await;
    let early = recount(&app.platform.db, today, app.now()).await;
    assert!(matches!(early, Err(RecountError::NotCounted)));
    // The same visitor and another one, too late for the bucket they belong to.
    traffic.happen(began, Deed::View(1), ["email".into(), None, None]).await;
    traffic.happen(began.plus_seconds(1), Deed::View(2), NO_TAGS).await;
    assert_eq!(traffic.stats(&client).await["views"], 1);
    end_day(&app, today);
    skip_quiet_time(&app).await;
    let done = run(&app).await;
    assert_eq!((done.days, done.corrected), (1, 1));
    traffic.check(&traffic.stats(&client).await, "recounted");
    assert_eq!(run(&app).await, rollup_stats::RolledUp::default());
    app.advance_seconds(91 * 86_400);
    assert!(matches!(recount(&app.platform.db, today, app.now()).await, Err(RecountError::TooOld)));
}

#[tokio::test]
async fn a_rollup_that_was_away_catches_up_and_until_then_the_numbers_say_of_when_they_are() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    run(&app).await;
    traffic.happen(app.now(), Deed::View(1), NO_TAGS).await;
    let long_ago = app.now();
    app.advance_seconds(26 * 3_600);
    traffic.happen(app.now(), Deed::Session, NO_TAGS).await;
    let behind = traffic.stats(&client).await;
    assert_eq!((&behind["views"], &behind["sessions"]), (&json!(1), &json!(0)));
    let as_of = Timestamp::parse(behind["as_of"].as_str().unwrap()).unwrap();
    assert!(as_of > long_ago && as_of < app.now());
    assert_eq!(run(&app).await.buckets, rollup_stats::MAX_BUCKETS);
    run(&app).await;
    let stats = traffic.stats(&client).await;
    traffic.check(&stats, "caught up");
    assert_eq!(stats["as_of"], json!(app.now().to_iso8601()));
    assert!(matches!(app.platform.db.rollup_progress().await.unwrap(), Progress::Through(_)));
}

#[tokio::test]
async fn days_bounds_the_days_and_nothing_else() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    traffic.happen(app.now(), Deed::View(1), NO_TAGS).await;
    close_bucket(&app);
    run(&app).await;
    app.advance_seconds(86_400);
    skip_quiet_time(&app).await;
    traffic.happen(app.now(), Deed::View(1), NO_TAGS).await;
    let stats = async |query: &str| client.get(&format!("{}/stats{query}", traffic.path)).await.expect(200);
    let one = stats("?days=1").await;
    assert_eq!((one["daily"].as_array().unwrap().len(), &one["views"]), (1, &json!(2)));
    assert_eq!(one["daily"][0]["date"], "2026-02-28");
    assert_eq!(stats("").await["daily"].as_array().unwrap().len(), 30);
    let year = stats("?days=365").await;
    assert_eq!(year["daily"].as_array().unwrap().len(), 365);
    assert_eq!((&year["daily"][364]["date"], &year["daily"][363]["views"]), (&json!("2026-02-28"), &json!(1)));
    for query in ["?days=0", "?days=366", "?days=x"] {
        let error = client.get(&format!("{}/stats{query}", traffic.path)).await;
        assert_eq!(error.expect_error(400, "invalid_field_value")["param"], "days");
    }
}

#[tokio::test]
async fn rates_have_four_places_and_are_zero_of_nothing() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let nothing = traffic.stats(&client).await;
    assert_eq!((&nothing["conversion_rate"], &nothing["total_volume"]), (&json!(0.0), &json!("0")));
    assert_eq!(nothing["summary"]["overall_conversion_rate"], json!(0.0));
    assert_eq!(nothing["utm_breakdown"], json!({"sources": {}, "mediums": {}, "campaigns": {}}));
    for _ in 0..3 {
        traffic.happen(app.now(), Deed::View(1), NO_TAGS).await;
    }
    traffic.happen(app.now(), Deed::Session, NO_TAGS).await;
    traffic.happen(app.now(), Deed::Session, NO_TAGS).await;
    traffic.happen(app.now(), Deed::Completion(5), NO_TAGS).await;
    let stats = traffic.stats(&client).await;
    assert_eq!(stats["conversion_rate"], json!(0.5));
    assert_eq!(
        stats["summary"],
        json!({
            "total_views": 3, "total_sessions": 2, "total_completions": 1, "lifetime_completions": 1,
            "view_to_session_rate": 0.6667, "session_to_completion_rate": 0.5, "overall_conversion_rate": 0.3333,
        })
    );
}

#[tokio::test]
async fn a_hundred_values_are_shown_and_the_rest_is_other() {
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    for number in 0..103_u32 {
        let source: &'static str = format!("source-{number:03}").leak();
        traffic.happen(app.now(), Deed::View(number), [Some(source), None, None]).await;
        if number == 102 {
            traffic.happen(app.now(), Deed::View(number), [Some(source), None, None]).await;
        }
    }
    let stats = traffic.stats(&client).await;
    let sources = stats["utm_breakdown"]["sources"].as_object().unwrap();
    assert_eq!(sources.len(), 101);
    assert_eq!(sources["source-102"]["views"], 2);
    assert_eq!(sources["other"], json!({"views": 3, "sessions": 0, "completed": 0}));
    assert!(sources.contains_key("source-098") && !sources.contains_key("source-099"));
    // In the text itself, the largest comes first.
    let text = client.get(&format!("{}/stats", traffic.path)).await.body;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(r#""sources":{"source-102":"#), "{text}");
}

#[tokio::test]
async fn ten_thousand_values_of_every_dimension_leave_every_item_bounded() {
    const VALUES: u32 = 10_000;
    /// Well below the 400 KB of an item.
    const MOST_BYTES: usize = 380 * 1024;
    let app = app().await;
    let client = app.admin().await;
    let mut traffic = Traffic::on_new_link(&app, &client).await;
    let began = app.now();
    // As long as a tag may be, and different from its first character on.
    let tag = |number: u32, dimension: &str| -> Option<&'static str> {
        Some(format!("{number:05}-{dimension}-{}", "é".repeat(180)).leak())
    };
    for number in 0..VALUES {
        let tags = [tag(number, "source"), tag(number, "medium"), tag(number, "campaign")];
        // Some in the same bucket, some in later ones.
        let at = began.plus_millis(u64::from(number) * 100);
        traffic.happen(at, Deed::View(number % 50), tags).await;
    }
    app.advance_seconds(3_600);
    run(&app).await;
    let stats = traffic.stats(&client).await;
    assert_eq!(stats["views"], VALUES);
    for dimension in ["sources", "mediums", "campaigns"] {
        let values = stats["utm_breakdown"][dimension].as_object().unwrap();
        let views: u64 = values.values().map(|counts| counts["views"].as_u64().unwrap()).sum();
        assert_eq!((values.len(), views), (101, u64::from(VALUES)), "{dimension}");
        assert_eq!(values["other"]["views"], VALUES - 100, "{dimension}");
    }
    let (db, table) = app.table();
    let mut largest = 0;
    let mut from = None;
    loop {
        let page = db.scan().table_name(table).set_exclusive_start_key(from).send().await.unwrap();
        largest = page.items().iter().map(size_of_item).fold(largest, usize::max);
        from = page.last_evaluated_key;
        if from.is_none() {
            break;
        }
    }
    println!("largest item: {largest} bytes");
    assert!(largest > 100_000 && largest < MOST_BYTES, "{largest}");
    // And every one of them is bounded by the number of values, not of visitors.
    let code = traffic.link.id.short_code();
    let ledger = app.platform.db.link_statistics(&code, Day::of(began), true).await.unwrap();
    assert!(ledger.counts.breakdowns.iter().all(|breakdown| breakdown.len() == 1_001));
}

/// An item's size as DynamoDB counts it, a little too much rather than too little.
fn size_of_item(item: &std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue>) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &aws_sdk_dynamodb::types::AttributeValue) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue as Attribute;
    match value {
        Attribute::S(text) => text.len(),
        Attribute::N(number) => number.len() / 2 + 2,
        Attribute::M(map) => 3 + map.iter().map(|(name, value)| name.len() + 1 + size_of(value)).sum::<usize>(),
        Attribute::L(list) => 3 + list.iter().map(|value| 1 + size_of(value)).sum::<usize>(),
        Attribute::B(bytes) => bytes.as_ref().len(),
        Attribute::Ss(texts) => texts.iter().map(String::len).sum(),
        Attribute::Bool(_) | Attribute::Null(_) => 1,
        other => panic!("nothing here is a {other:?}"),
    }
}

#[tokio::test]
async fn nobody_sees_the_statistics_of_somebody_elses_link() {
    let app = app().await;
    let (one, other) = (app.admin().await, app.admin().await);
    let traffic = Traffic::on_new_link(&app, &one).await;
    for path in ["stats", "visitors"] {
        other.get(&format!("{}/{path}", traffic.path)).await.expect_error(404, "resource_not_found");
        let by_code = format!("{}/{}/{path}", crate::LINKS, traffic.link.id.short_code());
        let view: Value = one.get(&by_code).await.expect(200);
        assert!(view["object"].is_string());
    }
}
