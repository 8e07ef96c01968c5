//! Templates and what Go 1.26's text/template made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::Map;
use super::*;

fn library() -> Library {
    Library::with(
        &[
            ("s", Arity(1, 1), |a| Ok(Value::text(format!("s:{}", functions::text(a, 0)?)))),
            ("a", Arity(1, 1), |a| Ok(Value::text(format!("a:{}", print::plain(&a[0]))))),
        ],
        BTreeMap::new(),
    )
}

fn data() -> Value {
    let x =
        [("y", Value::Float(1.5)), ("big", Value::Float(15020.0)), ("huge", Value::Float(1e21))];
    let map = |entries: &[(&str, Value)]| {
        Value::map(entries.iter().map(|(key, value)| (Arc::from(*key), value.clone())).collect())
    };
    let v = map(&[("n", Value::Nil), ("x", map(&x)), ("t", Value::Bool(true))]);
    let empty = Value::Map(Arc::new(Map { entries: BTreeMap::new(), of_text: true }));
    map(&[("M", empty), ("V", v), ("L", Value::list([]))])
}

fn render(text: &str) -> Result<String, String> {
    let library = library();
    let template = Template::parse("t", text, &library).map_err(|error| error.to_string())?;
    template.render(&data(), &library).map_err(|error| error.to_string())
}

#[test]
fn renders_as_go_does() {
    for (text, want) in [
        ("{{.V.a.b.c}}", "<no value>"),
        ("{{index .M `x`}}", ""),
        ("{{index .V `q`}}", "<no value>"),
        ("{{.M.q}}", "<no value>"),
        ("{{a .V.zz}}", "a:<nil>"),
        ("{{if .V.zz}}y{{else}}n{{end}}", "n"),
        ("{{eq .V.zz `a`}}", "false"),
        ("{{.V.x.big}} {{.V.x.huge}}", "15020 1e+21"),
        ("{{eq .V.x.y 1.5}}", "true"),
        ("{{.V}}", "map[n:<nil> t:true x:map[big:15020 huge:1e+21 y:1.5]]"),
        ("{{range $i,$e := .V.x}}{{$i}}={{$e}};{{end}}", "big=15020;huge=1e+21;y=1.5;"),
        ("a\n{{- /* c */}}\nb", "a\nb"),
        ("{{/* a */ -}} b", "b"),
        ("{{with $x := 1}}{{$x}}{{else with .L}}b{{end}}", "1"),
        ("{{and 1 0}} {{or .V.zz 0}} {{not .V.zz}}", "0 0 true"),
        ("{{print 1 2 `a` 3 4.0}}", "1 2a3 4"),
        ("{{printf `%v %d %s %q %t %05d` 1 2 `x` `y` true 42}}", "1 2 x \"y\" true 00042"),
        ("{{println .V.zz}}", "<nil>\n"),
        ("{{slice `abcdef` 1 3}}", "bc"),
        ("{{1_000}} {{0x10}} {{1e3}} {{'a'}} {{1.0}}", "1000 16 1000 97 1"),
        ("{{lt 1 2}} {{lt 1.5 .V.x.y}} {{ne `a` `b`}} {{eq 1 2 3 1}}", "true false true true"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range .V.zz}}{{else}}none{{end}}", "none"),
        ("{{(.V.zz).foo}}", "<no value>"),
        ("{{ 1 | a }} {{ .V.zz | a}}", "a:1 a:<nil>"),
        ("{{printf `%s` .V.zz}} {{printf `%d` .V.x.big}}", "%!s(<nil>) %!d(float64=15020)"),
        (
            "{{define `t`}}[{{.}}]{{end}}{{template `t` .V.x.y}}{{block `u` 3}}({{.}}){{end}}",
            "[1.5](3)",
        ),
        ("{{$a := 1}}{{if true}}{{$a = 2}}{{$b := 3}}{{end}}{{$a}}", "2"),
        ("{{- 3 -}}", "3"),
        ("{{-3}}", "-3"),
        ("{{$.V.t}}", "true"),
        ("{{with .V.zz}}a{{else}}b{{end}}", "b"),
        ("{{if false}}a{{else if true}}b{{else}}c{{end}}d", "bd"),
        (
            "{{range $i := until 5}}{{if eq $i 1}}{{continue}}{{end}}{{if eq $i 3}}{{break}}{{end}}{{$i}}{{end}}",
            "02",
        ),
        ("x {{- if true}} y {{- end}} z", "x y z"),
        ("{{\"q\\n\\u00e4\"}}", "q\nä"),
        ("{{ list 1 2 | join `,` }}", "1,2"),
        ("{{ `abc-` | trunc 4 | trimSuffix `-` | quote }}", "\"abc\""),
        ("{{ `` | default `d` }}{{ nindent 2 `a\nb` }}", "d\n  a\n  b"),
        ("{{ dict `a` 1 | toJson }} {{ ternary `y` `n` true }}", "{\"a\":1} y"),
        ("{{ `<a>` | toJson }}", "\"\\u003ca\\u003e\""),
        ("{{ regexReplaceAll `a(b)` `xabx` `<$1>` }}", "x<b>x"),
    ] {
        assert_eq!(render(text), Ok(want.to_owned()), "{text}");
    }
}

#[test]
fn fails_where_go_fails_and_says_where() {
    for (text, want) in [
        ("\n{{.V.n.b}}", "line 2: nil pointer evaluating interface {}.b"),
        ("{{s .V.zz}}", "error calling s: invalid value; expected string"),
        ("{{s 1}}", "expected string; found 1"),
        ("{{eq .V.t `a`}}", "incompatible types for comparison: bool and string"),
        ("{{eq .V.x.big 15020}}", "incompatible types for comparison: float64 and int"),
        ("{{index .L 3}}", "index out of range: 3"),
        ("{{len .V.zz}}", "error calling len"),
        ("{{$x}}", "undefined variable \"$x\""),
        ("a\n\n{{foo 1}}", "line 3: function \"foo\" is not known"),
        ("{{template `q`}}", "template \"q\" is not defined"),
        ("{{range `abc`}}{{end}}", "range can't iterate over abc"),
        ("{{.V.x.y.z}}", "can't evaluate field z"),
        ("{{nil}}", "nil is not a command"),
        ("{{break}}", "{{break}} outside {{range}}"),
        ("{{if}}{{end}}", "missing value for if"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{if 1}}", "if has no {{end}}"),
        ("{{lt 1 `a`}}", "incompatible types for comparison: int and string"),
        ("{{a 1 2}}", "wrong number of args: want 1 got 2"),
        ("{{index nil 1}}", "index of untyped nil"),
        ("{{not}}", "wrong number of args: want 1 got 0"),
        ("{{le .V.zz 1}}", "invalid type for comparison"),
        ("{{.V.t}", "unexpected"),
        ("{{fail `no`}}", "error calling fail: no"),
    ] {
        let said = render(text).unwrap_err();
        assert!(said.contains(want), "{text}: {said}");
    }
}

#[test]
fn what_a_template_may_do_is_bounded() {
    for text in [
        "{{range until 100000}}{{range until 100000}}{{end}}{{end}}",
        "{{range until 100000}}{{repeat 1000 `x`}}{{end}}",
        "{{define `a`}}{{template `a` .}}{{end}}{{template `a` .}}",
        "{{until 100000000}}",
        "{{range until 1000}}{{$x := until 100000}}{{end}}",
        "{{-0x-8000000000000000 | repeat 1}}",
        "{{repeat 1000000000 `x`}}",
        "{{printf `%1000000000d` 1}}",
    ] {
        assert!(render(text).is_err(), "{text}");
    }
    let deep = format!("{}1{}", "{{if 1}}".repeat(200), "{{end}}".repeat(200));
    assert!(render(&deep).unwrap_err().contains("blocks in each other"));
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(200), ")".repeat(200));
    assert!(render(&deep).unwrap_err().contains("parentheses"));
}

/// Sprig 3.3 made these.
#[test]
fn sprig_does_as_sprig() {
    for (text, want) in [
        ("{{ list 1 2.5 `a` nil | join `,` }}", "1,2.5,a"),
        ("{{ substr 1 3 `abcdef` }}|{{ substr -1 2 `abc` }}|{{ substr 1 -1 `abc` }}", "bc|ab|bc"),
        ("{{ trunc -2 `abcd` }}", "cd"),
        ("{{ quote 1 nil `a\"b` }}", "\"1\" \"a\\\"b\""),
        ("{{ squote 1 `a` }}", "'1' 'a'"),
        ("{{ cat `a` 1 nil true }}", "a 1 true"),
        ("{{ default `x` 0 }}{{ default `x` list }}{{ default `x` false }}", "xxx"),
        ("{{ dict `a` 1 `b` | toJson }}", "{\"a\":1,\"b\":\"\"}"),
        ("{{ get (dict `a` 1) `z` }}|", "|"),
        ("{{ hasKey (dict `a` 1) `a` }}", "true"),
        ("{{ until 3 }} {{ untilStep 5 0 -2 }}", "[0 1 2] [5 3 1]"),
        (
            "{{ add 1 `2` 3.7 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 2 }}",
            "6 3 6 3 1",
        ),
        ("{{ max 1 5 3 }} {{ min 4 2 }}", "5 2"),
        ("{{ round 3.14159 2 }} {{ ceil 1.2 }} {{ floor 1.8 }}", "3.14 2 1"),
        ("{{ split `,` `a,b` }} {{ (split `,` `a,b`)._1 }}", "map[_0:a _1:b] b"),
        ("{{ splitList `` `abc` }}", "[a b c]"),
        (
            "{{ first list }}|{{ last (list 1 2) }}|{{ rest (list 1 2 3) }}|{{ initial (list 1 2) }}",
            "<no value>|2|[2 3]|[1]",
        ),
        (
            "{{ without (list 1 2 3) 2 }} {{ has 2 (list 1 2) }} {{ uniq (list 1 1 2) }}",
            "[1 3] true [1 2]",
        ),
        ("{{ toPrettyJson (dict `a` (list 1)) }}", "{\n  \"a\": [\n    1\n  ]\n}"),
        (
            "{{ snakecase `FirstName` }} {{ kebabcase `FirstName` }} {{ camelcase `first_name` }}",
            "first_name first-name FirstName",
        ),
        (
            "{{ title `a bc` }} {{ untitle `A Bc` }} {{ initials `First Try` }} {{ swapcase `aB` }}",
            "A Bc a bc FT Ab",
        ),
        ("{{ abbrev 5 `hello world` }}", "he..."),
        ("{{ plural `one` `many` 2 }}", "many"),
        ("{{ repeat 3 `ab` }}", "ababab"),
        ("{{ ternary 1 2 false }}", "2"),
        ("{{ coalesce 0 `` `x` }}", "x"),
        (
            "{{ regexFindAll `[0-9]` `a1b2` -1 }} {{ regexSplit `,` `a,b` -1 }} {{regexFind `b+` `abbb`}}",
            "[1 2] [a b] bbb",
        ),
        ("{{ b64enc `a` }} {{ b64dec `YQ==` }}", "YQ== a"),
        ("{{ base `/a/b/` }} {{ ext `a.b.c` }} {{ base `` }} {{isAbs `/a`}}", "b .c . true"),
        (
            "{{ kindOf 1 }} {{ kindOf `a` }} {{ kindOf list }} {{ typeOf 1.0 }} {{ kindOf nil }}",
            "int string slice float64 invalid",
        ),
        (
            "{{ merge (dict `a` 1) (dict `a` 2 `b` 3) | toJson }} {{ mergeOverwrite (dict `a` 1) (dict `a` 2) | toJson }}",
            "{\"a\":1,\"b\":3} {\"a\":2}",
        ),
        ("{{ dig `a` `b` `d` (dict `a` (dict `b` 5)) }} {{ dig `x` `d` (dict) }}", "5 d"),
        (
            "{{ pick (dict `a` 1 `b` 2) `a` }} {{ pluck `a` (dict `a` 1) (dict `b` 2) }}",
            "map[a:1] [1]",
        ),
        (
            "{{ chunk 2 (list 1 2 3) }} {{ concat (list 1) (list 2) }} {{ compact (list 1 `` 2) }}",
            "[[1 2] [3]] [1 2] [1 2]",
        ),
        ("{{ sortAlpha (list `b` `a`) }} {{ toStrings (list 1 2) }}", "[a b] [1 2]"),
        ("{{ nospace `a b` }} {{ trimAll `$` `$a$` }} {{ trimPrefix `-` `-a` }}", "ab a a"),
        ("{{ indent 2 `a\nb` }}{{ nindent 2 `a` }}", "  a\n  b\n  a"),
        ("{{ wrap 5 `hello big world` }}", "hello\nbig\nworld"),
        (
            "{{ atoi `12` }} {{ int `x` }} {{ int64 3.9 }} {{ float64 `1.5` }} {{ toString 1.5 }}",
            "12 0 3 1.5 1.5",
        ),
        (
            "{{ reverse (list 1 2) }} {{ prepend (list 2) 1 }} {{ slice (list 1 2 3) 1 }} ",
            "[2 1] [1 2] [2 3] ",
        ),
        (
            "{{ set (dict `a` 1) `b` 2 | toJson }}{{ $d := dict }}{{ $_ := set $d `k` `v` }}{{ $d.k }}",
            "{\"a\":1,\"b\":2}v",
        ),
        (
            "{{ keys (dict `a` 1) }} {{ values (dict `a` 1) }} {{ empty 0 }} {{ all 1 0 }} {{ any 1 0 }}",
            "[a] [1] true false true",
        ),
        (
            "{{ 10 | toJson }} {{ `x` | fromJson }} {{ fromJson `{\"a\":1.0}` }} {{ toRawJson `<` }}",
            "10 <no value> map[a:1] \"<\"",
        ),
        (
            "{{ replace `a` `b` `aaa` }} {{ lower `A` }} {{ hasPrefix `a` `ab` }} {{ contains `a` `ba` }}",
            "bbb a true true",
        ),
        ("{{ regexReplaceAllLiteral `a` `aa` `$1` }} {{ regexQuoteMeta `a.b-c` }}", "$1$1 a\\.b-c"),
        ("{{ list 1 2 }} {{ tuple `a` `b` }} {{ len (list 1) }}", "[1 2] [a b] 1"),
    ] {
        assert_eq!(render(text), Ok(want.to_owned()), "{text}");
    }
    let wrong = render("{{ set .V `a` 1 }}").unwrap_err();
    assert!(wrong.contains("set changes variables only"), "{wrong}");
}

/// Pods have fields that are pointers, and Go prints what they point to.
#[test]
fn structs_have_zero_values_and_pointers_are_followed() {
    let library = library();
    let of = crate::webhooks::schema::Type::Struct("PodSpec");
    let spec = serde_json::json!({"containers": [
        {"name": "a", "ports": [{"containerPort": 1}], "securityContext": {"runAsUser": 5}},
        {"name": "b"},
    ]});
    let spec = crate::webhooks::schema::typed::typed(&spec, &of);
    for (text, want) in [
        (
            "{{range .Containers}}{{.Name}}:{{range .Ports}}{{.ContainerPort}}{{.HostPort}}{{end}};{{end}}",
            "a:10;b:;",
        ),
        ("{{.HostNetwork}}|{{.ServiceAccountName}}|{{.NodeSelector}}", "false||map[]"),
        ("{{(index .Containers 0).SecurityContext.RunAsUser}}", "5"),
        ("{{(index .Containers 0).SecurityContext.RunAsGroup}}", "<nil>"),
        ("{{with (index .Containers 1).SecurityContext}}a{{else}}b{{end}}", "b"),
        ("{{(index .Containers 1).SecurityContext}}", "<nil>"),
        ("{{.AutomountServiceAccountToken}}{{if .AutomountServiceAccountToken}}y{{end}}", "<nil>"),
    ] {
        let template = Template::parse("t", text, &library).unwrap();
        assert_eq!(template.render(&spec, &library).as_deref(), Ok(want), "{text}");
    }
    for text in ["{{.Nonsense}}", "{{(index .Containers 1).SecurityContext.RunAsUser}}"] {
        let template = Template::parse("t", text, &library).unwrap();
        assert!(template.render(&spec, &library).is_err(), "{text}");
    }
}

/// What would take for ever, or more memory or stack than there is, is an error of the template.
#[test]
fn what_would_never_end_is_ended() {
    let nested = format!("{}{{{{template `a`}}}}{}", "{{if 1}}".repeat(90), "{{end}}".repeat(90));
    let calls = format!("{{{{define `a`}}}}{nested}{{{{end}}}}{{{{template `a`}}}}");
    for (text, fact) in [
        ("{{range 1000000}}{{range 1000000}}{{end}}{{end}}", "stopped after 1000000 steps"),
        ("{{$l := list 1}}{{range 100}}{{$l = list $l $l}}{{end}}{{$l}}", "list made a value"),
        ("{{$d := dict}}{{range 100000}}{{$d = dict `a` $d}}{{end}}", "dict made a value"),
        ("{{$t := repeat 1000000 `x`}}{{$l := list $t $t $t $t $t}}", "list made a value"),
        ("{{$t := repeat 1000000 `a`}}{{range 9999}}{{$_ := trim $t}}{{end}}", "stopped after"),
        (
            "{{range 9999}}{{$_ := regexMatch `(a+)+$` `aaaaaaaaaaaaaaaaaaaaaaaaab`}}{{end}}",
            "stopped after",
        ),
        ("{{uniq (until 100000)}}", "more than"),
        (calls.as_str(), "more than 300 blocks and templates in each other"),
    ] {
        let error = render(text).unwrap_err();
        assert!(error.contains(fact), "{text}: {error}");
    }
}
