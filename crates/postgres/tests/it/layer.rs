use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Router, body::Body};
use buttress_idempotency::{HeaderList, Idempotency, IdempotencyLayer, StoredResponse};
use buttress_postgres::{CompleteError, PostgresStore};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::bench::{ask, builder, migrated, sql};

/// Writes an order, and that it is answered so, in one transaction.
async fn order(
    store: &PostgresStore,
    run: &Idempotency,
    between: impl AsyncFnOnce(),
) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let mut client = store.pool().get().await?;
    let transaction = client.transaction().await?;
    let statement = format!("insert into {}.orders values ($1)", store.schema());
    transaction.execute(&statement, &[&i64::from(run.attempt())]).await?;
    between().await;
    let body = format!("ordered by attempt {}", run.attempt());
    let response = StoredResponse::new(201, HeaderList::default(), body.clone().into())?;
    store.complete_in(&transaction, &run.ticket(), &response, run.retain()).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, body).into_response())
}

async fn plain(State(store): State<PostgresStore>, Extension(run): Extension<Idempotency>) -> Response {
    order(&store, &run, async || ()).await.unwrap()
}

/// Commits, and dies before it answers.
async fn panics(State(store): State<PostgresStore>, Extension(run): Extension<Idempotency>) -> Response {
    drop(order(&store, &run, async || ()).await.unwrap());
    panic!("after the commit");
}

/// Is given up in the middle of its first run, by somebody who thinks it dead.
async fn overtaken(State(store): State<PostgresStore>, Extension(run): Extension<Idempotency>) -> Response {
    let statement = "update buttress.records set owner = null; select 1";
    let ordered = order(&store, &run, async || {
        if run.attempt() == 1 {
            sql(&store, statement).await;
        }
    })
    .await;
    match ordered {
        Ok(response) => response,
        Err(error) => {
            assert!(matches!(error.downcast_ref(), Some(CompleteError::Fenced(None))), "{error:?}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn router() -> (PostgresStore, Router) {
    let store = migrated(builder()).await;
    sql(&store, "create table buttress.orders (attempt bigint); select 1").await;
    let layer = IdempotencyLayer::inbound(store.clone())
        .one_scope_for_all()
        .store_time(Duration::from_secs(20))
        .build()
        .unwrap();
    let routes = Router::new().route("/plain", post(plain)).route("/panics", post(panics));
    let routes = routes.route("/overtaken", post(overtaken)).layer(layer).with_state(store.clone());
    (store, routes)
}

/// Status, whether it is a replay, and body.
async fn send(router: &Router, path: &str, key: &str) -> (StatusCode, bool, String) {
    let request = Request::builder().method(Method::POST).uri(path).header("idempotency-key", key);
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, replayed) = (response.status(), response.headers().contains_key("idempotent-replayed"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, replayed, String::from_utf8_lossy(&body).into_owned())
}

async fn orders(store: &PostgresStore) -> i64 {
    ask(store, "select count(*) from buttress.orders").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_duplicates_of_one_request_are_one_order_and_one_answer() {
    let (store, router) = router().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let router = router.clone();
        tasks.spawn(async move { send(&router, "/plain", "a").await });
    }
    let mut originals = 0;
    for (status, replayed, body) in tasks.join_all().await {
        if status == StatusCode::CONFLICT {
            continue;
        }
        assert_eq!((status, &*body), (StatusCode::CREATED, "ordered by attempt 1"));
        originals += u32::from(!replayed);
    }
    assert_eq!((originals, orders(&store).await), (1, 1));
    assert_eq!(
        send(&router, "/plain", "a").await,
        (StatusCode::CREATED, true, "ordered by attempt 1".to_owned())
    );
}

#[tokio::test]
async fn a_handler_that_dies_after_its_commit_has_answered() {
    let (store, router) = router().await;
    for _ in 0..2 {
        let (status, _, body) = send(&router, "/panics", "a").await;
        assert_eq!((status, &*body), (StatusCode::CREATED, "ordered by attempt 1"));
    }
    assert_eq!(orders(&store).await, 1);
}

#[tokio::test]
async fn a_handler_that_was_overtaken_leaves_no_order() {
    let (store, router) = router().await;
    let (status, ..) = send(&router, "/overtaken", "a").await;
    assert_ne!(status, StatusCode::CREATED);
    assert_eq!(orders(&store).await, 0);
    let answer = send(&router, "/overtaken", "a").await;
    assert_eq!(answer, (StatusCode::CREATED, false, "ordered by attempt 2".to_owned()));
    assert_eq!(orders(&store).await, 1);
}
