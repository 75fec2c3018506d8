#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dure {

/// The disk or the size that was allowed is used up; of the change that failed nothing is kept.
class StorageFull : public Error {
 public:
  using Error::Error;
};

class SqlDatabase;

/// A prepared statement with its parameters bound: step() to each row, then read the row's columns from 0.
/// Throws Error (StorageFull where that is it), as everything in this header.
class SqlStatement {
 public:
  SqlStatement(SqlDatabase& database, std::string_view sql);
  ~SqlStatement();
  SqlStatement(SqlStatement&& other) noexcept;
  SqlStatement& operator=(SqlStatement&&) = delete;

  /// Binds all parameters, as of a statement that has not begun.
  template <typename... Values>
  SqlStatement& bind(const Values&... values) {
    reset();
    int index = 0;
    (bind_one(++index, values), ...);
    return *this;
  }
  void bind_one(int index, int64_t value);
  void bind_one(int index, int value) { bind_one(index, int64_t{value}); }
  void bind_one(int index, std::string_view value);
  void bind_one(int index, const std::string& value) { bind_one(index, std::string_view(value)); }
  template <typename Value>
  void bind_one(int index, const std::optional<Value>& value) {
    if (value) bind_one(index, *value);  // else it stays NULL
  }

  bool step();  ///< false: no more rows
  void run() {
    while (step()) {}
  }

  int64_t integer(int column) const;
  std::string text(int column) const;
  std::optional<int64_t> optional_integer(int column) const;
  std::optional<std::string> optional_text(int column) const;

 private:
  void reset();

  SqlDatabase& database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// One connection to an SQLite file. Not for several threads at once.
class SqlDatabase {
 public:
  /// Opens a file, made with mode 0600 if it is not there; an existing one gets that mode. Empty path: in memory.
  explicit SqlDatabase(const std::filesystem::path& path);
  ~SqlDatabase();
  SqlDatabase(const SqlDatabase&) = delete;
  SqlDatabase& operator=(const SqlDatabase&) = delete;

  /// Statements without parameters, separated by semicolons.
  void script(const std::string& sql);

  template <typename... Values>
  SqlStatement query(std::string_view sql, const Values&... values) {
    SqlStatement statement(*this, sql);
    statement.bind(values...);
    return statement;
  }
  /// Runs one statement and returns the number of rows that it changed.
  template <typename... Values>
  int run(std::string_view sql, const Values&... values) {
    query(sql, values...).run();
    return changes();
  }
  /// The first column of the first row. REQUIRES: there is one.
  template <typename... Values>
  int64_t integer(std::string_view sql, const Values&... values) {
    SqlStatement statement = query(sql, values...);
    statement.step();
    return statement.integer(0);
  }
  int64_t last_row() const;

  const std::string& name() const { return name_; }  ///< the path, for messages

 private:
  friend class SqlStatement;
  friend class SqlTransaction;
  int changes() const;
  [[noreturn]] void fail_sql(int code) const;

  std::string name_;
  sqlite3* connection_ = nullptr;
};

/// BEGIN IMMEDIATE now; ROLLBACK when this goes, unless it was committed.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlDatabase& database);
  ~SqlTransaction();
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  void commit();

 private:
  SqlDatabase& database_;
  bool open_ = true;
};

}  // namespace dure
