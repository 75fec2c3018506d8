#pragma once

#include "server/store/sqlite.h"

namespace dure {

constexpr int kStoreSchema = 1;                ///< PRAGMA user_version
constexpr int kStoreApplication = 0x44757265;  ///< PRAGMA application_id: "Dure"

/// Makes a connection that of a database of conversations: settings of durability and privacy, then the tables, brought
/// from whatever earlier schema to this one in one transaction. docs/store.md describes both.
/// Throws Error for another program's database, and for one of a later version of this one.
void prepare_store(SqlDatabase& database);

}  // namespace dure
