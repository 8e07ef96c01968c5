use super::*;
use crate::webhooks::inject::library;
use serde_json::json;

#[test]
fn a_template_that_could_not_run_is_told_when_it_is_read() {
    let library = library(BTreeMap::new());
    let config = "templates:\n  good: 'a'\n  bad: \"a\\n{{ nonsense 1 }}\"\n";
    let said = Config::parse(config, &library).unwrap_err().to_string();
    assert_eq!(said, "template \"bad\", line 2: function \"nonsense\" is not known");
    assert!(matches!(Config::parse("templates: 5", &library), Err(Invalid::Config(_))));
    assert!(Values::parse("[]").is_err());
}

#[test]
fn pods_choose_templates_and_aliases_stand_for_several() {
    let library = library(BTreeMap::new());
    let config = Config::parse("aliases: {all: [x, y]}\ntemplates: {x: a}", &library).unwrap();
    let pod = json!({"metadata": {"annotations": {TEMPLATES: "z, all"}}});
    assert_eq!(config.selected(&pod), ["z", "x", "y"]);
    assert_eq!(config.selected(&json!({})), ["sidecar"]);
    assert!(config.template("z").unwrap_err().contains("have x"));
}
