// Every table there is, by family.
#include <array>

#include "sqlite/migrations.h"
#include "sqlite/momo_schema.h"
#include "sqlite/mosip_schema.h"
#include "sqlite/mpoc_schema.h"
#include "sqlite/mypos_schema.h"
#include "sqlite/paycontrol_schema.h"

namespace signet::sqlite {

std::span<const MigrationFamily> all_migrations() {
    static const std::array all{core_migrations(), mpoc_migrations(),       mosip_migrations(),
                                momo_migrations(), paycontrol_migrations(), mypos_migrations()};
    return all;
}

}  // namespace signet::sqlite
