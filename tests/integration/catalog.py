"""A database's schema as text, read from the catalogs, the same whatever the server's version.

Not SQL to be run but SQL to be read: a change of the schema shows in review as a change of
``tests/contract/schema.sql``. Bodies of functions stand there as a hash: their text is in the
migrations.
"""

from collections.abc import Iterator
from typing import LiteralString

from integration.database import Database, Row

_TABLES = """
select format('%I.%I', n.nspname, c.relname) as name, c.oid, c.reloptions as options
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'jobferry') and c.relkind in ('r', 'p', 'v')
"""
_COLUMNS = """
select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
  a.attidentity as identity, pg_get_expr(d.adbin, d.adrelid) as value
from pg_attribute a left join pg_attrdef d on (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
# PostgreSQL 18 lists NOT NULL among the constraints, the older ones don't: the columns say it here.
_CONSTRAINTS = """
select conname as name, pg_get_constraintdef(oid) as body
from pg_constraint where conrelid = %s and contype <> 'n'
"""
_INDEXES = """
select pg_get_indexdef(i.indexrelid) as body from pg_index i
where i.indrelid = %s and not exists (select from pg_constraint c where c.conindid = i.indexrelid)
"""
_TRIGGERS = """
select tgname as name, pg_get_triggerdef(oid) as body,
  case tgenabled when 'A' then 'always' when 'O' then 'origin only' when 'R' then 'replica only' else 'disabled' end
    as enabled
from pg_trigger where tgrelid = %s and not tgisinternal
"""
_FUNCTIONS = """
select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
  pg_get_function_result(p.oid) as result, l.lanname as language, p.prosecdef as definer,
  case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
  p.proconfig as settings, md5(p.prosrc) as hash,
  case when pg_get_userbyid(p.proowner) in ('jobferry_engine', 'jobferry_archivist', 'jobferry_trigger')
    then pg_get_userbyid(p.proowner) else 'whoever migrates' end as owner
from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
where n.nspname in ('public', 'jobferry')
"""
# What an owner may do with his own is left out: it is all, and newer servers know more of it.
_GRANTS = """
with acl(what, owner, items) as (
  select format('schema %I', nspname), nspowner, nspacl from pg_namespace where nspname = 'jobferry'
  union all
  select format('%s %I.%I', case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname),
    c.relowner, c.relacl
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('public', 'jobferry') and c.relkind in ('r', 'p', 'v', 'S')
  union all
  select format('column %I.%I(%I)', n.nspname, c.relname, a.attname), c.relowner, a.attacl
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('public', 'jobferry') and a.attacl is not null
  union all
  select format('function %I.%I', n.nspname, p.proname), p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ('public', 'jobferry')
)
select what, string_agg(distinct lower(x.privilege_type), ', ' order by lower(x.privilege_type)) as privileges,
  case x.grantee when 0 then 'public' else pg_get_userbyid(x.grantee) end as grantee
from acl, aclexplode(acl.items) x
where x.grantee <> acl.owner group by what, x.grantee
"""


def dump(db: Database) -> str:
    """The schema's text."""
    # Times in constraints are shown in the session's zone.
    db.do("set timezone = 'UTC'")
    return "\n".join([*_tables(db), *_functions(db), *_grants(db), ""])


def _sorted(db: Database, sql: LiteralString, *values: object) -> list[Row]:
    """The rows, in an order that no database's collation has a say in."""
    return sorted(db.rows(sql, *values), key=lambda row: [str(value) for value in row.values()])


def _tables(db: Database) -> Iterator[str]:
    for table in _sorted(db, _TABLES):
        yield f"table {table['name']}" + _with(table["options"])
        yield from (f"  {_column(column)}" for column in db.rows(_COLUMNS, table["oid"]))
        for constraint in _sorted(db, _CONSTRAINTS, table["oid"]):
            yield f"  constraint {constraint['name']} {constraint['body']}"
        yield from (f"  {index['body']}" for index in _sorted(db, _INDEXES, table["oid"]))
        for trigger in _sorted(db, _TRIGGERS, table["oid"]):
            yield f"  {trigger['body']} -- fires: {trigger['enabled']}"
        yield ""


def _column(column: Row) -> str:
    words = [column["name"], column["type"]]
    if column["required"]:
        words.append("not null")
    if column["identity"]:
        words.append("generated as identity")
    if column["value"]:
        words += ["default", column["value"]]
    return " ".join(words)


def _with(options: list[str] | None) -> str:
    return f" with ({', '.join(options)})" if options else ""


def _functions(db: Database) -> Iterator[str]:
    for function in _sorted(db, _FUNCTIONS):
        yield f"function {function['name']}"
        definer = "security definer" if function["definer"] else "security invoker"
        settings = "".join(f" set {setting}" for setting in function["settings"] or ())
        yield f"  returns {function['result']}"
        yield f"  {function['language']} {function['volatility']} {definer}{settings}"
        yield f"  owner {function['owner']}, body {function['hash']}"
        yield ""


def _grants(db: Database) -> Iterator[str]:
    for grant in _sorted(db, _GRANTS):
        yield f"grant {grant['privileges']} on {grant['what']} to {grant['grantee']}"
