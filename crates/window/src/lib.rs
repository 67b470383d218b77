//! Sliding windows with constant cost per record: by count and by time.
