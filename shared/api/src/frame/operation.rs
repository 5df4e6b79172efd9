//! What an operation is: one entry of a route group's table of contents, from which the router, the authorization,
//! the OpenAPI document and the generated tests are all made.

use crate::answer::{Answer, Reply};
use crate::call::Call;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::fields::{Body, describe_body};
use crate::page::ListView;
use crate::query::QueryParam;
use crate::requirements::Requirements;
use anyspend_domain::Owner;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// Who reads an operation's answers, and failures.
#[derive(Debug, Clone, Copy)]
pub enum Audience {
    /// Servers, with a credential that must never be in a browser: JSON, and no other site's scripts.
    Servers,
    /// The scripts of any site: JSON, with CORS open to all origins.
    AnySite,
    /// People with a browser: failures are pages, which this makes; unknown query parameters are ignored, because links
    /// get tagged on their way; a body is a form's.
    People(fn(&Call, &ApiError) -> Page),
}

/// What a failure looks like to people.
#[derive(Debug)]
pub struct Page {
    /// Its headers, `Content-Type` among them.
    pub headers: HeaderMap,
    /// The page.
    pub body: Vec<u8>,
}

/// The named schemas an answer consists of.
pub type Components = Vec<(String, RefOr<Schema>)>;

/// What an answer's body is.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// JSON. Adds the body's schemas to the components and names the body's own.
    Json(fn(&mut Components) -> String),
    /// Text of this media type.
    Text(&'static str),
    /// Text of this media type or, as the caller asks, JSON.
    TextOrJson(&'static str, fn(&mut Components) -> String),
    /// A redirect: no body, and a `Location`.
    Redirect,
}

/// One way an operation answers.
#[derive(Debug, Clone, Copy)]
pub struct AnswerSpec {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub content: Content,
    /// When it answers so.
    pub when: &'static str,
}

pub use crate::requirements::Access;

type Handler = Box<dyn Fn(Arc<Call>) -> BoxFuture<'static, Result<Reply, ApiError>> + Send + Sync>;

/// One operation.
pub struct Operation {
    /// The unique `operationId`.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// One line.
    pub summary: &'static str,
    /// More than one line.
    pub description: &'static str,
    /// The resource it is about, by its `object`: its query and body go by every name that has for fields.
    pub resource: &'static str,
    /// Its query parameters; others are refused.
    pub query: &'static [QueryParam],
    /// Its body's schema; without one, a body must be empty or `{}`.
    pub body: Option<fn() -> RefOr<Schema>>,
    /// Its answer when all goes well.
    pub answer: AnswerSpec,
    /// What else it answers besides the refusals every operation of its kind can give.
    pub other_answers: Vec<AnswerSpec>,
    /// Who reads what it answers.
    pub audience: Audience,
    handler: Handler,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.id)
    }
}

/// A route group: what one Lambda binary serves.
#[derive(Debug)]
pub struct Group {
    /// The group's name: its folder, its package and its binary.
    pub name: &'static str,
    /// What it is about, for the OpenAPI document.
    pub description: &'static str,
    /// Its table of contents.
    pub operations: Vec<Operation>,
}

/// Names the schema of a type, and adds it and what it consists of to the components.
pub(crate) fn describe_answer<T: ToSchema>(components: &mut Components) -> String {
    let name = schema_name::<T>();
    components.push((name.clone(), T::schema()));
    T::schemas(components);
    name
}

/// A list, and the objects in it, which may be no other operation's answer.
fn describe_list<T: ToSchema>(components: &mut Components) -> String {
    describe_answer::<T>(components);
    describe_answer::<ListView<T>>(components)
}

/// A name of its own for every type: `ListView<PaymentLinkView>` is `ListViewOfPaymentLinkView`.
fn schema_name<T>() -> String {
    let parts = std::any::type_name::<T>().split('<').map(|part| part.trim_end_matches('>'));
    parts.filter_map(|part| part.rsplit("::").next()).collect::<Vec<_>>().join("Of")
}

impl Operation {
    /// Begins an operation; [`Operation::handled_by`] or [`Operation::beside`] completes it.
    pub fn new<T: ToSchema>(
        id: &'static str,
        method: Method,
        path: &'static str,
        access: Access,
        status: StatusCode,
        summary: &'static str,
    ) -> Self {
        Self::answering(id, method, path, access, (status, Content::Json(describe_answer::<T>)), summary)
    }

    /// The same for an operation that answers with a list of what no other operation answers with.
    pub fn list_of<T: ToSchema>(id: &'static str, path: &'static str, access: Access, summary: &'static str) -> Self {
        let content = Content::Json(describe_list::<T>);
        Self::answering(id, Method::GET, path, access, (StatusCode::OK, content), summary)
    }

    /// The same for an operation that answers with something else than JSON.
    pub fn answering(
        id: &'static str,
        method: Method,
        path: &'static str,
        access: Access,
        (status, content): (StatusCode, Content),
        summary: &'static str,
    ) -> Self {
        Self {
            id,
            method,
            path,
            access,
            summary,
            description: "",
            resource: "",
            query: &[],
            body: None,
            answer: AnswerSpec { status, content, when: "" },
            other_answers: Vec::new(),
            audience: Audience::Servers,
            handler: Box::new(|_| Box::pin(async { Err(ApiError::internal("an operation without a handler")) })),
        }
    }

    /// Says more than one line.
    #[must_use]
    pub const fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Says what resource it is about, where neither its body nor its list does.
    #[must_use]
    pub const fn about(mut self, resource: &'static str) -> Self {
        self.resource = resource;
        self
    }

    /// Takes these query parameters.
    #[must_use]
    pub const fn query(mut self, params: &'static [QueryParam]) -> Self {
        self.query = params;
        self
    }

    /// Takes this body.
    #[must_use]
    pub fn body<T: Body>(mut self) -> Self {
        self.body = Some(describe_body::<T>);
        self.resource = T::RESOURCE;
        self
    }

    /// Says who reads its answers, where that is not servers.
    #[must_use]
    pub const fn read_by(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Says how else it answers.
    #[must_use]
    pub fn also(mut self, status: StatusCode, content: Content, when: &'static str) -> Self {
        self.other_answers.push(AnswerSpec { status, content, when });
        self
    }

    /// Runs once the caller is known and the request is well-formed.
    #[must_use]
    pub fn handled_by<F, Fut, R>(mut self, handler: F) -> Self
    where
        F: Fn(Arc<Call>, Caller) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<R, ApiError>> + Send + 'static,
        R: Into<Reply>,
    {
        self.handler = Box::new(move |call| {
            Box::pin(async move {
                call.precheck()?;
                let caller = call.authorize().await?;
                call.check_shape()?;
                handler(call, caller).await.map(Into::into)
            })
        });
        self
    }

    /// Like [`Operation::handled_by`], but `load` runs beside the check of the caller: one round trip less. What
    /// it loads is looked at only after the caller is known; it must therefore only read.
    #[must_use]
    pub fn beside<L, LoadFut, F, Fut, T>(mut self, load: L, handler: F) -> Self
    where
        L: Fn(Arc<Call>) -> LoadFut + Send + Sync + Copy + 'static,
        LoadFut: Future<Output = Result<T, ApiError>> + Send + 'static,
        F: Fn(Arc<Call>, Caller, T) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
        T: Send + 'static,
    {
        self.handler = Box::new(move |call| {
            Box::pin(async move {
                call.precheck()?;
                if !call.may_read_beside() {
                    let caller = call.authorize().await?;
                    call.check_shape()?;
                    let loaded = load(call.clone()).await?;
                    return handler(call, caller, loaded).await.map(Reply::Whole);
                }
                let (caller, loaded) = tokio::join!(call.authorize(), load(call.clone()));
                let caller = caller?;
                call.check_shape()?;
                handler(call, caller, loaded?).await.map(Reply::Whole)
            })
        });
        self
    }

    /// Like [`Operation::beside`], for what is found by its owner: beside the check, `load` runs for the owner this key
    /// opened the last time, and again only when that turns out to be another.
    #[must_use]
    pub fn of_owner<L, LoadFut, F, Fut, T>(self, load: L, handler: F) -> Self
    where
        L: Fn(Arc<Call>, Owner) -> LoadFut + Send + Sync + Copy + 'static,
        LoadFut: Future<Output = Result<T, ApiError>> + Send + 'static,
        F: Fn(Arc<Call>, Caller, T) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
        T: Send + 'static,
    {
        self.beside(
            move |call: Arc<Call>| async move { call.expect(|owner| load(call.clone(), owner)).await },
            move |call: Arc<Call>, caller: Caller, expected| async move {
                let loaded = caller.confirm(expected, |owner| load(call.clone(), owner)).await?;
                handler(call, caller, loaded).await
            },
        )
    }

    /// Like [`Operation::beside`], for a load that leaves something behind: when the caller or the request is refused,
    /// `undo` takes it back before the refusal is answered, because a refused request has no effect.
    #[must_use]
    pub fn beside_or_undo<L, LoadFut, U, UndoFut, F, Fut, T>(mut self, load: L, undo: U, handler: F) -> Self
    where
        L: Fn(Arc<Call>) -> LoadFut + Send + Sync + Copy + 'static,
        LoadFut: Future<Output = T> + Send + 'static,
        U: Fn(Arc<Call>, T) -> UndoFut + Send + Sync + Copy + 'static,
        UndoFut: Future<Output = ()> + Send + 'static,
        F: Fn(Arc<Call>, Caller, T) -> Fut + Send + Sync + Copy + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
        T: Send + 'static,
    {
        self.handler = Box::new(move |call| {
            Box::pin(async move {
                call.precheck()?;
                let (caller, loaded) = tokio::join!(call.authorize(), load(call.clone()));
                match caller.and_then(|caller| call.check_shape().map(|()| caller)) {
                    Ok(caller) => handler(call, caller, loaded).await.map(Reply::Whole),
                    Err(refusal) => {
                        undo(call, loaded).await;
                        Err(refusal)
                    }
                }
            })
        });
        self
    }

    /// Runs the operation. What it refuses names fields as the version in force does.
    pub(crate) fn run(&self, call: Arc<Call>) -> BoxFuture<'static, Result<Reply, ApiError>> {
        let (resource, running) = (self.resource, (self.handler)(call.clone()));
        Box::pin(async move {
            running.await.map_err(|error| error.naming_fields(|name| call.version().name_of(resource, name)))
        })
    }

    /// Whether people read its answers.
    pub const fn is_page(&self) -> bool {
        matches!(self.audience, Audience::People(_))
    }

    /// What it demands of a request.
    pub(crate) fn requirements(&self) -> Requirements {
        Requirements {
            access: self.access,
            resource: self.resource,
            query: self.query,
            takes_body: self.body.is_some(),
            changes: self.changes(),
            is_page: self.is_page(),
        }
    }

    /// Whether the method can carry an idempotency key and a body.
    pub fn changes(&self) -> bool {
        self.method == Method::POST || self.method == Method::PATCH
    }
}
