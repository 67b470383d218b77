use buttress_rate_limit::Ask;

/// How keys are called on the server.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// `prefix:{scope}:key`, or `prefix:{key}` for a key that is its own scope. A Cluster looks only at what stands in
    /// braces to find the node.
    pub(crate) fn of(&self, ask: &Ask) -> String {
        let (prefix, scope, key) = (&self.prefix, ask.scope.to_bits(), ask.key.to_bits());
        if scope == key {
            format!("{prefix}:{{{key:032x}}}")
        } else {
            format!("{prefix}:{{{scope:032x}}}:{key:032x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use buttress_rate_limit::{KeyHash, Rate, Take};

    use super::*;

    #[test]
    fn only_the_scope_stands_in_braces() {
        let names = Names::new("shop".to_owned());
        let [key, scope] = [0xa, 0xb].map(KeyHash::from_bits);
        let ask = Ask { key, scope: key, rate: Rate::from_ticks(1, 1), take: Take::All(1) };
        assert_eq!(names.of(&ask), "shop:{0000000000000000000000000000000a}");
        let ask = Ask { scope, ..ask };
        assert_eq!(
            names.of(&ask),
            "shop:{0000000000000000000000000000000b}:0000000000000000000000000000000a"
        );
    }
}
