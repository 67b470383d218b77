/// What the brackets around a place are, a bit for each.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    objects: [u64; 4],
    depth: usize,
}

/// The deepest nesting that can be kept track of.
pub(crate) const MOST: usize = 256;

impl Stack {
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Goes into an object or a list. The caller has compared the depth with a limit of at most [`MOST`].
    pub(crate) fn push(&mut self, object: bool) {
        let bit = 1 << (self.depth % 64);
        let word = &mut self.objects[self.depth / 64 % 4];
        *word = if object { *word | bit } else { *word & !bit };
        self.depth += 1;
    }

    pub(crate) fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// What closes the innermost bracket, if there is one.
    #[inline]
    pub(crate) fn closing(&self) -> u8 {
        let at = self.depth.saturating_sub(1);
        if self.objects[at / 64 % 4] & (1 << (at % 64)) != 0 { b'}' } else { b']' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_all_brackets_are_kept() {
        let is_object = |depth: usize| depth.is_multiple_of(3);
        let mut stack = Stack::default();
        (0..MOST).for_each(|depth| stack.push(is_object(depth)));
        for depth in (0..MOST).rev() {
            assert_eq!(stack.depth(), depth + 1);
            assert_eq!(stack.closing(), if is_object(depth) { b'}' } else { b']' }, "{depth}");
            stack.pop();
        }
        assert_eq!(stack.depth(), 0);
    }
}
