#include "server/store/schema.h"

#include <array>

namespace dure {
namespace {

// Entry i leads from schema i to i + 1. An entry that was released never changes.
const std::array<const char*, kStoreSchema> kMigrations = {R"sql(
CREATE TABLE conversation (
  row        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  title      TEXT NOT NULL,
  settings   TEXT NOT NULL,     -- JSON object, as it came
  head       TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  revision   INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_by_time ON conversation (updated_at DESC, id);

CREATE TABLE message (
  row           INTEGER PRIMARY KEY,  -- grows: the order of creation
  conversation  INTEGER NOT NULL REFERENCES conversation (row),
  id            TEXT NOT NULL,
  parent        INTEGER REFERENCES message (row),
  role          TEXT NOT NULL,
  content       TEXT NOT NULL,
  reasoning     TEXT NOT NULL,
  reasoning_ms  INTEGER,
  attachments   TEXT NOT NULL,  -- JSON list
  status        TEXT NOT NULL,
  error         TEXT,
  finish_reason TEXT,
  model         TEXT,
  params        TEXT,           -- JSON objects, as they came
  usage         TEXT,
  timings       TEXT,
  created_at    INTEGER NOT NULL,
  version       INTEGER NOT NULL,
  UNIQUE (conversation, id)
) STRICT;
CREATE INDEX message_by_parent ON message (parent);

CREATE TABLE feedback (
  message    INTEGER PRIMARY KEY REFERENCES message (row) ON DELETE CASCADE,
  rating     TEXT NOT NULL,
  tags       TEXT NOT NULL,     -- JSON list
  comment    TEXT NOT NULL,
  correction TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE gram (             -- those of one conversation lie together: a write touches few pages
  conversation INTEGER NOT NULL,
  gram         INTEGER NOT NULL,
  message      INTEGER NOT NULL,  -- 0: the title
  PRIMARY KEY (conversation, gram, message)
) STRICT, WITHOUT ROWID;
)sql"};

}  // namespace

void prepare_store(SqlDatabase& database) {
  // Before anything is written: a file that is not ours stays as it is.
  const auto application = database.integer("PRAGMA application_id");
  const auto is_ours = [&] {
    return application == kStoreApplication ||
           (application == 0 && database.integer("SELECT count(*) FROM sqlite_schema") == 0);
  };
  require(is_ours(), "{}: expected a database of conversations, found another program's", database.name());
  const auto found = database.integer("PRAGMA user_version");
  require(found <= kStoreSchema, "{}: written by a later version of Dure (schema {}, this one knows {})",
          database.name(), found, kStoreSchema);

  database.script(
      "PRAGMA auto_vacuum = INCREMENTAL;"  // only counts before the first table
      "PRAGMA journal_mode = WAL;"
      "PRAGMA synchronous = FULL;"  // a commit is on the disk before it is answered
      "PRAGMA foreign_keys = ON;"
      "PRAGMA secure_delete = ON;"
      "PRAGMA trusted_schema = OFF;");

  if (found == kStoreSchema) return;
  SqlTransaction transaction(database);
  // Another program may have been first.
  for (auto version = database.integer("PRAGMA user_version"); version < kStoreSchema; ++version)
    database.script(kMigrations[version]);
  database.script(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kStoreApplication, kStoreSchema));
  transaction.commit();
}

}  // namespace dure
