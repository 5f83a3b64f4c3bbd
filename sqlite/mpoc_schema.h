// The tables of the MPoC AMS API, for families.cpp.
#pragma once

#include "sqlite/migrations.h"

namespace signet::sqlite {

const MigrationFamily& mpoc_migrations();

}  // namespace signet::sqlite
