// JSON schemas of the MPoC family's bodies, for /v1/openapi.json.
#pragma once

#include <string_view>

namespace signet::api::mpoc::schemas {

inline constexpr std::string_view kSecurity =
    R"({"type":"object","required":["msg","code","data"],"properties":{"msg":{"type":"string"},"code":{"type":"integer"},"data":{"type":["object","null"],"properties":{"sdkId":{"type":"string"},"deviceId":{"type":"string"},"version":{"type":"string"},"state":{"type":"string","enum":["VALID","INVALID"]},"attestResult":{"type":"string"},"attestResultAdvice":{"type":"string"},"attestTime":{"type":"integer"}}}}})";
inline constexpr std::string_view kInfo =
    R"({"type":"object","required":["msg","code","data"],"properties":{"msg":{"type":"string"},"code":{"type":"integer"},"data":{"type":["object","null"],"properties":{"sdkId":{"type":"string"},"deviceId":{"type":"string"},"version":{"type":"string"},"state":{"type":"string","enum":["VALID","INVALID"]},"attestResult":{"type":"string"},"attestResultAdvice":{"type":"string"},"attestTime":{"type":"integer"},"kekCert":{"type":"string"},"signCert":{"type":"string"}}}}})";
inline constexpr std::string_view kCustomer =
    R"({"type":"object","required":["name"],"properties":{"customerId":{"type":"string"},"name":{"type":"string"}}})";
inline constexpr std::string_view kNote = R"({"type":"object","properties":{"note":{"type":"string"}}})";
inline constexpr std::string_view kApiKey =
    R"({"type":"object","required":["customerId","id","apiKey"],"properties":{"customerId":{"type":"string"},"id":{"type":"string"},"apiKey":{"type":"string"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kEnrol =
    R"({"type":"object","required":["customerId","version"],"properties":{"sdkId":{"type":"string"},"customerId":{"type":"string"},"version":{"type":"string"},"kekCsr":{"type":"string"},"signCsr":{"type":"string"}}})";
inline constexpr std::string_view kRekey =
    R"({"type":"object","properties":{"kekCsr":{"type":"string"},"signCsr":{"type":"string"}}})";
inline constexpr std::string_view kAttest =
    R"({"type":"object","required":["result"],"properties":{"result":{"type":"string"},"advice":{"type":"string"},"time":{"type":"integer"},"version":{"type":"string"}}})";
inline constexpr std::string_view kUnwrap =
    R"({"type":"object","required":["key","algorithm"],"properties":{"key":{"type":"string","contentEncoding":"base64"},"algorithm":{"type":"string","enum":["aes-128","aes-192","aes-256","tdes-2key","tdes-3key"]},"mgf1":{"type":"string","enum":["SHA-1","SHA-256"]},"label":{"type":"string","contentEncoding":"base64"},"kcv":{"type":"string"}}})";
inline constexpr std::string_view kUnwrapped =
    R"({"type":"object","required":["keyId","kcv","algorithm","sdkId","audit"],"properties":{"keyId":{"type":"string"},"kcv":{"type":"string"},"algorithm":{"type":"string"},"sdkId":{"type":"string"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kSign =
    R"({"type":"object","properties":{"algorithm":{"type":"string","enum":["RS256","RS384","RS512","PS256","PS384","PS512"]},"data":{"type":"string","contentEncoding":"base64"},"digest":{"type":"string","contentEncoding":"base64"}}})";
inline constexpr std::string_view kSigned =
    R"({"type":"object","required":["signature","algorithm","sdkId","certificate","audit"],"properties":{"signature":{"type":"string","contentEncoding":"base64"},"algorithm":{"type":"string"},"sdkId":{"type":"string"},"certificate":{"type":"string"},"audit":{"type":"integer"}}})";

}  // namespace signet::api::mpoc::schemas
