//! Composable resilience for Axum services and the clients they call.
