#include "server/store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace dure {
namespace {

constexpr int kBusyTimeout = 5000;  // ms

/// SQLite would make the file as the umask says; its -wal and -shm get the mode of the file.
void make_private(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  require(fd >= 0, "{}: cannot open the database: {}", path.string(), std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (regular && (status.st_mode & 077) != 0) ::fchmod(fd, 0600);
  ::close(fd);
  require(regular, "{}: expected a database, found no regular file", path.string());
}

}  // namespace

SqlDatabase::SqlDatabase(const std::filesystem::path& path) : name_(path.empty() ? "memory" : path.string()) {
  if (!path.empty()) make_private(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.empty() ? ":memory:" : path.c_str(), &connection_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string why = connection_ ? sqlite3_errmsg(connection_) : "out of memory";
    sqlite3_close(connection_);
    fail("{}: cannot open the database: {}", name_, why);
  }
  sqlite3_busy_timeout(connection_, kBusyTimeout);
}

SqlDatabase::~SqlDatabase() { sqlite3_close(connection_); }

void SqlDatabase::script(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail_sql(code);
}

int SqlDatabase::changes() const { return sqlite3_changes(connection_); }

int64_t SqlDatabase::last_row() const { return sqlite3_last_insert_rowid(connection_); }

void SqlDatabase::fail_sql(int code) const {
  const int error = sqlite3_system_errno(connection_);
  switch (code & 0xFF) {
    case SQLITE_IOERR:
      if (error != ENOSPC && error != EDQUOT) break;
      [[fallthrough]];
    case SQLITE_FULL: throw StorageFull(fmt::format("{}: no space is left for conversations", name_));
    case SQLITE_NOTADB: fail("{}: expected a database of conversations, found another kind of file", name_);
    case SQLITE_CORRUPT:
      fail("{}: the database is damaged ({}); move it away, or save what can be read with: sqlite3 FILE .recover",
           name_, sqlite3_errmsg(connection_));
    case SQLITE_BUSY: fail("{}: another program has held the database for {} s", name_, kBusyTimeout / 1000);
    case SQLITE_READONLY: fail("{}: the database cannot be written", name_);
    default: break;
  }
  fail("{}: {}{}{}", name_, sqlite3_errmsg(connection_), error ? ": " : "", error ? std::strerror(error) : "");
}

SqlStatement::SqlStatement(SqlDatabase& database, std::string_view sql) : database_(database) {
  const int code =
      sqlite3_prepare_v2(database_.connection_, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  if (code != SQLITE_OK) database_.fail_sql(code);
}

SqlStatement::SqlStatement(SqlStatement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

SqlStatement::~SqlStatement() { sqlite3_finalize(statement_); }

void SqlStatement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqlStatement::bind_one(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_, index, value);
  if (code != SQLITE_OK) database_.fail_sql(code);
}

void SqlStatement::bind_one(int index, std::string_view value) {
  // Empty text is no NULL, whatever its pointer is.
  const char* bytes = value.empty() ? "" : value.data();
  const int code = sqlite3_bind_text64(statement_, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail_sql(code);
}

bool SqlStatement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail_sql(code);
  return code == SQLITE_ROW;
}

int64_t SqlStatement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqlStatement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return bytes ? std::string(bytes, sqlite3_column_bytes(statement_, column)) : std::string();
}

std::optional<int64_t> SqlStatement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

std::optional<std::string> SqlStatement::optional_text(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return text(column);
}

SqlTransaction::SqlTransaction(SqlDatabase& database) : database_(database) { database_.script("BEGIN IMMEDIATE"); }

SqlTransaction::~SqlTransaction() {
  // A full disk may have rolled back already; then there is nothing left to undo.
  if (open_) sqlite3_exec(database_.connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqlTransaction::commit() {
  database_.script("COMMIT");
  open_ = false;
}

}  // namespace dure
