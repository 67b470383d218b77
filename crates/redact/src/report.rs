/// What was done to an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    form: Form,
    names: usize,
    values: usize,
    limited: usize,
}

/// As what an input was redacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// As text; also what was given as JSON and is none.
    #[default]
    Text,
    /// As JSON.
    Json,
    /// Not at all: it was longer than the limit, and a mask stands for it.
    TooLong,
}

impl Report {
    /// As what the input was redacted.
    pub fn form(&self) -> Form {
        self.form
    }

    /// How many values were hidden because of their names.
    pub fn names(&self) -> usize {
        self.names
    }

    /// How many secrets were known by their looks.
    pub fn values(&self) -> usize {
        self.values
    }

    /// How many parts were replaced because they went beyond a limit.
    pub fn limited(&self) -> usize {
        self.limited
    }

    /// Whether anything was replaced.
    pub fn is_touched(&self) -> bool {
        self.names + self.values + self.limited > 0
    }

    pub(crate) fn count(&mut self, named: bool) {
        if named {
            self.names += 1;
        } else {
            self.values += 1;
        }
    }

    pub(crate) fn limit(&mut self) {
        self.limited += 1;
    }

    pub(crate) fn add(&mut self, part: Self) {
        self.names += part.names;
        self.values += part.values;
        self.limited += part.limited;
    }

    pub(crate) fn of(mut self, form: Form) -> Self {
        self.form = form;
        self
    }
}
