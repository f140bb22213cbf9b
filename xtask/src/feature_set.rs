use std::fmt;

use serde_json::Value;

use crate::metadata;

/// A package with exactly these features on: the default ones are off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FeatureSet {
    pub(crate) package: String,
    /// One feature, or none at all.
    pub(crate) feature: Option<String>,
}

impl FeatureSet {
    /// For each package that has features: it without any, and with each of them alone.
    ///
    /// Together with a run that turns all of them on, this finds a feature that does not compile
    /// by itself, and code that is used only by some of them.
    pub(crate) fn each_alone(packages: &[Value]) -> Vec<Self> {
        packages.iter().flat_map(Self::of_package).collect()
    }

    fn of_package(package: &Value) -> Vec<Self> {
        let features: Vec<_> = package["features"]
            .as_object()
            .into_iter()
            .flat_map(|features| features.keys())
            .filter(|feature| *feature != "default")
            .collect();
        if features.is_empty() {
            return Vec::new();
        }
        [None]
            .into_iter()
            .chain(features.into_iter().map(Some))
            .map(|feature| Self {
                package: metadata::name(package).to_owned(),
                feature: feature.cloned(),
            })
            .collect()
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.feature {
            Some(feature) => write!(f, "{} with {feature} alone", self.package),
            None => write!(f, "{} without features", self.package),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_but_the_default_set_is_taken_alone() {
        let packages = [
            serde_json::json!({ "name": "plain", "features": {} }),
            serde_json::json!({ "name": "rich", "features": { "default": ["a"], "a": [], "b": [] } }),
        ];
        let sets: Vec<_> =
            FeatureSet::each_alone(&packages).iter().map(ToString::to_string).collect();
        assert_eq!(sets, ["rich without features", "rich with a alone", "rich with b alone"]);
    }
}
