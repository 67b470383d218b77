//! What the control plane decides: plain values and functions that know neither HTTP nor the connectors, and take
//! the time as an argument.

mod approval;
mod deployment;
mod digest;
mod evidence;
mod gate;
mod incident;
mod package;
mod platform;
mod ring;
mod risk;
mod word;

pub(crate) use approval::{Need, Requirement, Ruling, Verdict, permission, requirement};
pub(crate) use deployment::{Deployment, Installs, Part};
pub(crate) use digest::Sha256Digest;
pub(crate) use evidence::Evidence;
pub(crate) use gate::{Gate, Promotion, ShutGate};
pub(crate) use incident::{BlastRadius, Impact, Incident, Resolution};
pub(crate) use package::{Draft, Package, PackageName, Version};
pub(crate) use platform::{Connector, Platform};
pub(crate) use ring::Ring;
pub(crate) use risk::{RiskFactor, RiskFactors, Score, Share};
pub(crate) use word::{Word, words};
