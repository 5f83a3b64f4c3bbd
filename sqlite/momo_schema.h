// The tables of the MoMo family (daemon/api/momo).
#pragma once

#include "sqlite/migrations.h"

namespace signet::sqlite {

const MigrationFamily& momo_migrations();

}  // namespace signet::sqlite
