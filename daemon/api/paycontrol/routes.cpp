#include "daemon/api/paycontrol/routes.h"

#include <deque>
#include <string>

#include "daemon/api/paycontrol/callbacks.h"
#include "daemon/api/paycontrol/dispatch.h"
#include "daemon/api/paycontrol/expiry.h"

namespace signet::api::paycontrol {
namespace {

constexpr std::string_view kApplications = "/pc-api";
constexpr std::string_view kDevices[] = {"/pc-api/ext", "/pc-client-api/jsonrequest_v3"};

class PayControl final : public Family {
  public:
    explicit PayControl(Services& services) : context_{services} {
        register_deliveries(context_);
        for (auto* const chapter :
             {system_rows, user_rows, device_rows, transaction_rows, operation_rows, code_rows, event_rows})
            for (auto& row : chapter())
                rows_.push_back(std::move(row));
    }

    RouteTable routes() override {
        RouteTable table;
        for (const auto& row : rows_) {
            if (row.who == For::applications || row.who == For::both)
                table.push_back(route(row, kApplications, row.permission, false));
            if (row.who == For::administration)
                table.push_back(route(row, "/v1/paycontrol", row.permission, false));
            if (row.path == "/healthcheck") table.push_back(route(row, "", row.permission, false));
            if (row.who == For::applications || row.who == For::administration) continue;
            for (const auto prefix : kDevices)
                table.push_back(route(row, prefix, "paycontrol.device", true));
        }
        return table;
    }

    void add_jobs(service::Maintenance& maintenance) override { add_expiry_jobs(context_, maintenance); }

  private:
    Route route(const Row& row, std::string_view prefix, std::string_view permission, bool device) {
        paths_.push_back(std::string(prefix) + std::string(row.path));
        Route out;
        out.verb = row.verb;
        out.pattern = paths_.back();
        out.permission = permission;
        out.surface = row.who == For::administration ? Surface::admin : Surface::api;
        out.body_limit = row.body_limit;
        if (row.path.find("{system}") != std::string_view::npos) out.resource_parameter = "system";
        out.handler = [this, &row, device](Exchange& exchange) {
            return dispatch(context_, exchange, row, device);
        };
        out.summary = row.summary;
        out.request_schema = row.request_schema;
        out.error_shape = error_shape;
        return out;
    }

    Context context_;
    std::deque<Row> rows_;           // routes point here
    std::deque<std::string> paths_;  // and here
};

}  // namespace

Result<std::unique_ptr<Family>> make(Services& services) {
    return std::make_unique<PayControl>(services);
}

}  // namespace signet::api::paycontrol
