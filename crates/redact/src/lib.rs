//! Finds secrets in text, JSON, URLs and headers and puts a mask in their place.
