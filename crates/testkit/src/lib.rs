//! The contract every Buttress layer passes, and the probes and drivers that check it.
