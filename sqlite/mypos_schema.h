// The tables of the myPOS family (daemon/api/mypos).
#pragma once

#include "sqlite/migrations.h"

namespace signet::sqlite {

const MigrationFamily& mypos_migrations();

}  // namespace signet::sqlite
