// The tables of PayControl.
#pragma once

#include "sqlite/migrations.h"

namespace signet::sqlite {

const MigrationFamily& paycontrol_migrations();

}  // namespace signet::sqlite
