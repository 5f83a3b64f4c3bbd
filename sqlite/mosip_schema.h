// The tables of the MOSIP management server, for families.cpp.
#pragma once

#include "sqlite/migrations.h"

namespace signet::sqlite {

const MigrationFamily& mosip_migrations();

}  // namespace signet::sqlite
