// The sample requests of PayControl's PC API reference, in its order and by its names, with the shape of the answer that it
// documents. {{…}} is filled in by the walk; what the document truncates is completed there.
#pragma once

#include <string>
#include <vector>

namespace signet::testing {

struct PcSample {
    std::string name;  // chapter and section of the document
    std::string verb;
    std::string path;  // below {{pc-server-api}}
    std::string body;
    std::string type;    // answer_type; empty: binary data
    std::string fields;  // members that the answer's object must have, by spaces
    std::string keep{};  // "name=member": a member of the answer that later samples need
};

inline std::vector<PcSample> pc_samples() {
    const std::string key_params =
        R"({"with_finger_print":false,"collect_events":false,"collect_device_info":false,"collect_device_SIM_info":false,)"
        R"("collect_device_location":false,"pass_policy":0,"deny_store_with_OS_protection":false,)"
        R"("deny_renew_public_key":false,"scoring_enabled":true,"autosign_enabled":true,"remote_update_enabled":true})";
    const std::string user_fields =
        "system_settings user_id system_id system_name expiration_timestamp expiration_date key_flags "
        "ext_auth_available_methods";
    const std::string transaction_fields =
        "transaction_id user_id system_id extended_check autosign_enabled pc_transaction_version data_type "
        "confirm_type "
        "confirm_code_length ttl status";
    const std::string users = "/{{system_id}}/users";
    const std::string user = users + "/{{user_id}}";
    const std::string transactions = user + "/transactions";
    const std::string transaction = transactions + "/{{transaction_id}}";
    const std::string operations = user + "/operations";
    const std::string operation = operations + "/{{operation_id}}";
    const std::string transfer =
        R"("transaction_data":{"binary_data":"SGVsbG8gV29ybGQhISE=","text":"Money transfer to account **№213154254**, amount **$12 000**",})";
    const auto part = [](const std::string& index, const std::string& render) {
        return R"({"transaction_data":{"binary_data":"SGVsbG8gV29ybGQhISE=","text":"Money transfer to account №11112222, amount $1 000","text_render_type":"raw"},)"
               R"("snippet":{"text":"account №11112222, $12 000","text_render_type":")" +
               render + R"("},"index":)" + index + "}";
    };
    return {
        {"Systems endpoint: Register System", "POST", "/", R"({"request":"{{request}}"})", "result_only", ""},
        {"Get System Details", "GET", "/{{system_id}}", "", "system_info",
         "name user_keys_expiration_period callback_url"},
        {"Change System Settings", "PATCH", "/{{system_id}}",
         R"({"user_keys_expiration_period":365,"pc_is_external_url":"https://pc.online-bank.com/pc-client-api/",)"
         R"("pc_is_internal_url":"http://pc.online-bank.local:8080/pc-pusher-api/","events_post_url":"http://anti-fraud-system.local/events/",)"
         R"("callback_url":"https://abs.net.local/pc-callback/","report_template_path":"/opt/wildfly/report.docx","license":{{license}}})",
         "result_only", ""},

        {"Users endpoint: Create User", "POST", users,
         R"({"id_prefix":"rest-api-test-","user_name":"Acme Ltd.","key_params":{"with_finger_print":true,"collect_events":false,)"
         R"("collect_device_info":false,"collect_device_SIM_info":false,"collect_device_location":false,"pass_policy":0,"nfc_policy":1,)"
         R"("deny_store_with_OS_protection":false,"deny_renew_public_key":true,"scoring_enabled":true,"autosign_enabled":true,)"
         R"("remote_update_enabled":true,"server_signer":false},"type":0,"return_key_method":"FULL_QR"})",
         "user_created", user_fields + " user_name key_QR"},
        {"[QR] QR-Code for Offline", "POST", users,
         R"({"id_prefix":"rest-api-test-","user_name":"Acme Ltd.","key_params":{"with_finger_print":true,"server_signer":false},"return_key_method":"FULL_QR"})",
         "user_created", user_fields + " user_name key_QR"},
        {"[QR with Activation Code] QR-Code for Online", "POST", users,
         R"({"id_prefix":"rest-api-test-","user_name":"Acme Ltd.","key_params":)" + key_params +
             R"(,"activation_code_length":10,"return_key_method":"QR_WITH_ACTIVATION_CODE"})",
         "user_created", user_fields + " activation_code key_QR"},
        {"[JSON] Export key", "POST", users,
         R"({"id_prefix":"rest-api-test-","key_params":)" + key_params +
             R"(,"key_encryption_password":"123456","return_key_method":"KEY_JSON"})",
         "user_created", user_fields + " key_json", "user_id=user_id"},
        {"[Deep Link]", "POST", users,
         R"({"id_prefix":"rest-api-test-","user_name" : "User Name","key_params":)" + key_params +
             R"(,"return_key_method":"DEEP_LINK","url_template":"paycontrol://user_key?key_json=%KEY_URLENCODED%"})",
         "user_created", user_fields + " key_deep_link"},
        {"[Deep Link with Activation Code]", "POST", users,
         R"({"id_prefix":"rest-api-test-","user_name" : "User Name","key_params":)" + key_params +
             R"(,"return_key_method":"DEEP_LINK_WITH_ACTIVATION_CODE","activation_code_length":10,"url_template":"paycontrol://user_key?key_json=%KEY_URLENCODED%"})",
         "user_created", user_fields + " activation_code key_deep_link"},
        {"Update User", "POST", user + "/key",
         R"({"is_delayed":false,"key_params":)" + key_params + R"(,"return_key_method":"FULL_QR"})",
         "key_updated", user_fields + " key_QR"},
        {"Export User's Keys", "POST", user + "/key/export", R"({"key_encryption_password":"123456"})",
         "export_key", user_fields + " key_json"},
        {"Change User's Settings", "PATCH", user,
         R"({"block":false,"unblock":false,"commit_delayed":false,"device_fingerprint":"f111f3be77c74abeac08c87c9ee27a56ae53bc546d4e15fb9ff9f372a98794bc",)"
         R"("push_address":{"device_type":"Android","device_push_id":"ftMhW9ApSEU:APA91bG-v-mvr_1y6MXDF91VDxmCkEnyIwkieKuf5zVY__wdUPhIZUbir5j-5UcDjb7x_YPiakLg8Ismdw55QtQxRZEy0-ufjOchPX2zUA_rx3NlCFsxJoOIawjZL2ZgwXV0DEGRz5R7"},)"
         R"("public_key":"{{public_key}}"})",
         "result_only", ""},
        {"Get User Details", "GET", user, "", "user_info",
         "active_key_info user_id system_id system_name device_type device_push_id public_key blocked"},

        {"Transactions endpoint: Create Transaction", "POST", transactions,
         R"({"transaction_data":{"binary_data":"SGVsbG8gV29ybGQhISE=","text":"Money transfer to account **№213154254**, amount **$12 000**","text_render_type":"markdown"},)"
         R"("snippet":{"text":"account **№213154254**, amount **$12 000**","text_render_type":"markdown"},"notification_type":"Push",)"
         R"("callback_url":"http://abs.absnet.local/transaction_callback","confirm_code_length":8,"ttl":0,"extended_check":false,"autosing_enabled":false})",
         "transaction_created", transaction_fields, "transaction_id=transaction_id"},
        {"Create Transaction with transaction QR", "POST", transactions,
         R"({"transaction_data":{"text":"Money transfer to account №213154254"},"notification_type":"Push","confirm_code_length":8})",
         "transaction_created", transaction_fields + " transaction_qr", "qr_transaction=transaction_id"},
        {"Get Transactions List", "GET", transactions + "/get_list", "", "transaction_list", ""},
        {"Get Transactions List for automatic confirm (autosign)", "GET",
         transactions + "/get_autoconfirm_list", "", "transaction_list", ""},
        {"Common Transaction Details", "GET", transactions + "/{{qr_transaction}}", "", "transaction_info",
         transaction_fields + " transaction_qr"},
        {"Get Transaction Data", "GET", transaction + "/get_data", "", "transaction_data",
         "extended_check text text_render_type binary_data_url confirm_code_length snippet"},
        {"Get Transaction Binary Data", "GET", transaction + "/get_binary_data", "", "", ""},
        {"Create Confirm Code for a Transaction", "POST", transaction + "/gen_confirm_code",
         R"({"time_sampling_interval": 180})", "confirm_code", "", "code=."},
        {"Confirm Transaction, Offline mode", "POST", transaction + "/confirm",
         R"({"confirm_code":"{{code}}","time_sampling_interval": 180})", "result_only", ""},
        {"Confirmed Transaction Details", "GET", transaction, "", "transaction_info",
         transaction_fields + " confirm_attempts"},
        {"Cancel Transaction", "POST", transactions + "/{{qr_transaction}}/decline",
         R"({"decline_reason":"canceled"})", "result_only", ""},

        {"Operations endpoint: Create Operation", "POST", operations,
         R"({"description":{"text":"Payments registry #1","text_render_type":"raw"},"notification_type":"Push",)"
         R"("callback_url":"http://abs.absnet.local/operation_callback","ttl":600,"extended_check":false,"transactions":[)" +
             part("1", "raw") + "," + part("2", "raw") + "]}",
         "operation_created",
         "notification_type pc_operation_version user_id system_id extended_check operation_id transactions "
         "ttl status",
         "operation_id=operation_id"},
        {"Add transaction to Operation", "POST", operation,
         R"({"transactions":[)" + part("1", "raw") + "," + part("2", "markdown") + "]}", "operation_update",
         "pc_operation_version user_id system_id transactions"},
        {"Get Operation Info", "GET", operation, "", "operation_info",
         "callback_url notification_type pc_operation_version user_id system_id extended_check operation_id "
         "transactions ttl status"},
        {"Get Operations List", "GET", operations + "/get_list", "", "operations_list", ""},
        {"Get Operation Data", "GET", operation + "/get_data", "", "operation_data",
         "extended_check description transactions"},
        {"Process Operation", "POST", operation + "/process",
         R"({"confirm":[{"transaction_id":"cce39f31-27ab-4c9b-9a39-38866619c7d9","confirm_code":"6aed4a6366dedf1b8188998141630890f095e13f60c9ba9c3a89c121637f278e",)"
         R"("signature":"3045022100ffb3e2661bfa7f6821435a48924ee4019531a5beb7f46e23ce8924b5a84d8167022052ca4cefd5fc6b66837419aee0483b9bc10fd5113b92b6082b7be0f9c21c7461"}],)"
         R"("decline":[{"transaction_id":"15984319-3f98-4123-b39d-2d0e5a40e8f9","decline_code":"6aed4a6366dedf1b8188998141630890f095e13f60c9ba9c3a89c121637f278e","decline_reason":"not autorized"},)"
         R"({"transaction_id":"05031b3e-9eee-4e7b-9adf-90cc79def383","decline_reason":"canceled"}]})",
         "operation_processed", ""},

        {"Independent Confirm Codes: Create Confirm Code for PC User", "POST",
         "/{{system_id}}/codes/gen_confirm_code",
         R"({"user_id":"{{user_id}}",)" + transfer +
             R"(,"time_sampling_interval": 180,"confirm_code_length": 8})",
         "confirm_code", "", "code=."},
        {"Check Confirm Code for PC User", "POST", "/{{system_id}}/codes/check_confirm_code",
         R"({"user_id":"{{user_id}}",)" + transfer +
             R"(,"time_sampling_interval": 180,"confirm_code": "{{code}}"})",
         "result_only", ""},
        {"Create Common Confirm Code", "POST", "/{{system_id}}/codes/gen_confirm_code",
         "{" + transfer + R"(,"time_sampling_interval": 180,"confirm_code_length": 8})", "confirm_code", "",
         "code=."},
        {"Check Common Confirm Code", "POST", "/{{system_id}}/codes/check_confirm_code",
         "{" + transfer + R"(,"time_sampling_interval": 180,"confirm_code": "{{code}}"})", "result_only", ""},

        {"Events endpoint: Register Event", "POST", user + "/events",
         R"({"event_type":"password_incorrect","event":{"device_event_id":"42848689-13ac-405e-95ae-2c628efe62d8",)"
         R"("session_id":"7e9f60d5-0afb-43c2-8c42-2d7222d83ef0","device_time":1528968541746,"device_info":"Peter's iPhone"}})",
         "event_info", "device_event_id device_info event_id request_type user_id session_id",
         "event_id=event_id"},
        {"Register key_deleted event", "POST", user + "/events",
         R"({"event_type":"key_deleted","push_address":{"device_type":"Android",)"
         R"("device_push_id":"ftMhW9ApSEU:APA91bG-v-mvr_1y6MXDF91VDxmCkEnyIwkieKuf5zVY__wdUPhIZUbir5j-5UcDjb7x_YPiakLg8Ismdw55QtQxRZEy0-ufjOchPX2zUA_rx3NlCFsxJoOIawjZL2ZgwXV0DEGRz5R7"},)"
         R"("event":{"device_event_id":"42848689-13ac-405e-95ae-2c628efe62d8","session_id":"7e9f60d5-0afb-43c2-8c42-2d7222d83ef0",)"
         R"("device_time":1528968541746,"device_info":"Peter's iPhone"}})",
         "event_info", "device_event_id device_info event_id request_type user_id session_id"},
        {"Get Event Details", "GET", "/events/{{event_id}}", "", "event_info",
         "request_type system_id pc_instance_name created_at request_url requester_ip_address request_result "
         "pc_version event_id updated_at user_id connection_info"},
        {"Get events", "POST", "/events/",
         R"({"system_id":"{{system_id}}","user_id":"{{user_id}}","is_cleaned":false,"date_from":"2020-07-06 22:12:22.0 +0000","date_to":"2041-07-06 22:12:22.0 +0000"})",
         "events", "events_to_post_list total_count from to"},
        {"Clean events", "DELETE", "/events/",
         R"({"user_id":"{{user_id}}","date_from":"2021-08-13 15:26:00.0 +0000","date_to":"2041-08-13 16:06:22.0 +0000"})",
         "cleaned_events", "events_to_post_list total_count from to"},

        {"Delete User", "DELETE", user, "", "result_only", ""},
    };
}

}  // namespace signet::testing
