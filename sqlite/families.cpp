// Every table there is, by family.
#include <array>

#include "sqlite/migrations.h"

namespace signet::sqlite {

std::span<const MigrationFamily> all_migrations() {
    static const std::array all{core_migrations()};
    return all;
}

}  // namespace signet::sqlite
