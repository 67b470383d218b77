//! Buttress core said in HTTP: problem documents, statuses, Retry-After, method safety, bodies.
