//! The double of the platform's database behaves like the platform's.

use stripe402_edge::ledger::{Param, Row, Store, StoreError, Value};

use crate::support::sqlite::Sqlite;

const EXACT: i64 = 9_007_199_254_740_991;

fn with_table() -> Sqlite {
    let store = Sqlite::in_memory();
    store.run("CREATE TABLE t (a INTEGER, b TEXT)", &[]).unwrap();
    store
}

fn count(store: &Sqlite) -> i64 {
    store.look("SELECT count(*) FROM t")[0].integer(0).unwrap()
}

#[test]
fn values_cross_as_they_do_on_the_platform() {
    let store = with_table();
    store.run("INSERT INTO t VALUES (?1, ?2)", &[Param::Integer(-EXACT), Param::Text("é☂")]).unwrap();
    let row = Row(vec![Value::Integer(-EXACT), Value::Text("é☂".into()), Value::Null]);
    assert_eq!(store.look("SELECT a, b, NULL FROM t"), [row]);
    for number in [EXACT + 1, -EXACT - 1, i64::MIN] {
        let refused = store.run("INSERT INTO t VALUES (?1, ?2)", &[Param::Integer(number), Param::Null]);
        assert_eq!(refused, Err(StoreError::Shape("an exact number")));
    }
    for sql in ["SELECT a - 1 FROM t", "SELECT 0.5", "SELECT x'00'"] {
        assert!(matches!(store.run(sql, &[]), Err(StoreError::Shape(_))), "{sql}");
    }
    assert_eq!(count(&store), 1);
}

#[test]
fn a_transaction_that_gives_an_error_leaves_nothing_behind() {
    let store = with_table();
    let insert = || store.run("INSERT INTO t VALUES (1, NULL)", &[]);
    let failed: Result<(), StoreError> = store.transaction(&mut || {
        insert()?;
        Err(StoreError::Shape("this"))
    });
    assert_eq!((failed, count(&store)), (Err(StoreError::Shape("this")), 0));

    store
        .transaction(&mut || {
            insert()?;
            let inner: Result<(), StoreError> = store.transaction(&mut || {
                insert()?;
                insert()?;
                Err(StoreError::Shape("that"))
            });
            assert!(inner.is_err());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(count(&store), 1, "the inner one alone was rolled back");
}

#[test]
fn a_failed_statement_is_an_error_and_not_a_panic() {
    let store = with_table();
    assert!(matches!(store.run("SELECT nonsense", &[]), Err(StoreError::Failed(_))));
    assert!(matches!(store.run("SELECT 1", &[Param::Null]), Err(StoreError::Failed(_))));
}

#[test]
fn a_database_is_blank_until_it_holds_our_tables() {
    let store = with_table();
    assert_eq!(store.is_blank(), Ok(true));
    store.run("CREATE TABLE entry (a INTEGER)", &[]).unwrap();
    assert_eq!(store.is_blank(), Ok(false));
}

#[test]
fn what_is_in_a_file_outlives_its_connection() {
    let path = std::env::temp_dir().join(format!("stripe402-{}.sqlite", std::process::id()));
    let store = Sqlite::in_file(&path);
    store.run("CREATE TABLE t (a INTEGER)", &[]).unwrap();
    store.run("INSERT INTO t VALUES (7)", &[]).unwrap();
    drop(store);
    let again = Sqlite::in_file(&path).look("SELECT a FROM t");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(again, [Row(vec![Value::Integer(7)])]);
}
