// What the administration of the MOSIP family has in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "daemon/api/json.h"
#include "daemon/api/mosip/context.h"
#include "daemon/service/details.h"
#include "sqlite/mosip_vendor_store.h"
#include "sqlite/read_pool.h"

namespace signet::api::mosip {

// 1 to 128 bytes of printable text without '/': ids stand in paths. Error: invalid_argument.
Status check_name(std::string_view member, std::string_view value);
// Error: not_found.
Result<sqlite::MosipVendor> must_find_vendor(Context& context, std::string_view provider_id);
// An audit record of the row's permission.
Status record(sqlite::Transaction& transaction, Exchange& exchange, std::string object,
              const service::Details& details);

struct Page {
    std::int64_t after = 0;
    std::size_t limit = 100;
};
Result<Page> page_of(Exchange& exchange, std::size_t max_limit);

// {"<name>":[…],"next_after":N,"more":false}; `rows` holds one more than the limit where there are more.
template <class Row, class Write>
http::Response list_answer(std::string_view name, const Page& page, const std::vector<Row>& rows,
                           Write write) {
    JsonWriter json(4096);
    json.begin_object();
    json.key(name);
    json.begin_array();
    auto last = page.after;
    for (std::size_t i = 0; i < std::min(rows.size(), page.limit); ++i) {
        json.begin_object();
        write(json, rows[i]);
        json.end_object();
        last = rows[i].id;
    }
    json.end_array();
    json.member("next_after", last);
    json.member("more", rows.size() > page.limit);
    json.end_object();
    return json_answer(json.take());
}

}  // namespace signet::api::mosip
