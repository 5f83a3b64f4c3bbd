// JSON schemas of the native API's bodies, for /v1/openapi.json.
#pragma once

#include <string_view>

namespace signet::api::native::schemas {

inline constexpr std::string_view kSign =
    R"({"type":"object","properties":{"algorithm":{"type":"string","enum":["RS256","RS384","RS512","PS256","PS384","PS512","ES256","ES384","EdDSA"]},"data":{"type":"string","contentEncoding":"base64"},"digest":{"type":"string","contentEncoding":"base64"}}})";
inline constexpr std::string_view kSigned =
    R"({"type":"object","required":["signature","algorithm","key","version","audit"],"properties":{"signature":{"type":"string","contentEncoding":"base64"},"algorithm":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kSignBatch =
    R"({"type":"object","required":["items"],"properties":{"algorithm":{"type":"string"},"items":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","properties":{"data":{"type":"string"},"digest":{"type":"string"}}}}}})";
inline constexpr std::string_view kSignedBatch =
    R"({"type":"object","required":["signatures","algorithm","key","version","audit"],"properties":{"signatures":{"type":"array","items":{"type":"string","contentEncoding":"base64"}},"algorithm":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kVerify =
    R"({"type":"object","required":["signature"],"properties":{"algorithm":{"type":"string"},"data":{"type":"string"},"digest":{"type":"string"},"signature":{"type":"string"},"version":{"type":"integer"}}})";
inline constexpr std::string_view kValid =
    R"({"type":"object","required":["valid"],"properties":{"valid":{"type":"boolean"},"algorithm":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"}}})";
inline constexpr std::string_view kDecrypt =
    R"({"type":"object","required":["ciphertext"],"properties":{"algorithm":{"type":"string","enum":["RSA-OAEP","RSA-OAEP-256"]},"ciphertext":{"type":"string"},"label":{"type":"string"},"version":{"type":"integer"}}})";
inline constexpr std::string_view kMac =
    R"({"type":"object","required":["data"],"properties":{"algorithm":{"type":"string","enum":["HS256","HS384","HS512"]},"data":{"type":"string"}}})";
inline constexpr std::string_view kMacVerify =
    R"({"type":"object","required":["data","mac"],"properties":{"algorithm":{"type":"string"},"data":{"type":"string"},"mac":{"type":"string"},"version":{"type":"integer"}}})";
inline constexpr std::string_view kJws =
    R"({"type":"object","required":["payload"],"properties":{"algorithm":{"type":"string"},"payload":{"type":"string","contentEncoding":"base64"},"typ":{"type":"string"},"cty":{"type":"string"},"x5c":{"type":"boolean"}}})";
inline constexpr std::string_view kCms =
    R"({"type":"object","required":["data"],"properties":{"algorithm":{"type":"string"},"data":{"type":"string","contentEncoding":"base64"},"certificate":{"type":"string"},"signing_time":{"type":"boolean"}}})";
inline constexpr std::string_view kIssue =
    R"({"type":"object","required":["csr","profile"],"properties":{"csr":{"type":"string"},"profile":{"type":"string"},"validity":{"type":"string"}}})";
inline constexpr std::string_view kIssued =
    R"({"type":"object","required":["certificate","chain","serial","not_after"],"properties":{"certificate":{"type":"string"},"chain":{"type":"array","items":{"type":"string"}},"serial":{"type":"string"},"not_after":{"type":"string","format":"date-time"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kRevoke = R"({"type":"object","properties":{"reason":{"type":"string"}}})";
inline constexpr std::string_view kKeys =
    R"({"type":"object","required":["keys"],"properties":{"keys":{"type":"array","items":{"type":"object","required":["label","algorithm","usages","version","state"],"properties":{"label":{"type":"string"},"algorithm":{"type":"string"},"usages":{"type":"array","items":{"type":"string"}},"version":{"type":"integer"},"state":{"type":"string","enum":["pending","active","retired","disabled","destroyed","unavailable"]}}}}}})";
inline constexpr std::string_view kCreateKey =
    R"({"type":"object","required":["label","algorithm","usages"],"properties":{"label":{"type":"string"},"algorithm":{"type":"string"},"usages":{"type":"array","items":{"type":"string"}},"extractable":{"type":"boolean"},"activate":{"type":"boolean"},"not_after":{"type":"string","format":"date-time"}}})";
inline constexpr std::string_view kVersion =
    R"({"type":"object","properties":{"version":{"type":"integer"}}})";
inline constexpr std::string_view kRotate =
    R"({"type":"object","properties":{"activate":{"type":"boolean"}}})";
inline constexpr std::string_view kCertificate =
    R"({"type":"object","required":["certificate"],"properties":{"certificate":{"type":"string"}}})";
inline constexpr std::string_view kMakeRequest =
    R"({"type":"object","required":["subject"],"properties":{"subject":{"type":"string","description":"RFC 4514"},"names":{"type":"array","maxItems":100,"items":{"type":"string","description":"dns:, ip:, uri: or email:"}},"version":{"type":"integer"}}})";
inline constexpr std::string_view kMadeRequest =
    R"({"type":"object","required":["csr","key","version","audit"],"properties":{"csr":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},"audit":{"type":"integer"}}})";
inline constexpr std::string_view kRecords =
    R"({"type":"object","required":["records"],"properties":{"records":{"type":"array","items":{"type":"object","required":["seq"],"properties":{"seq":{"type":"integer"},"time":{"type":"string"},"principal":{"type":"string"},"action":{"type":"string"},"object":{"type":"string"},"outcome":{"type":"string"},"details":{"type":["object","null"]},"hash":{"type":"string"}}}},"next_after":{"type":"integer"},"more":{"type":"boolean"}}})";
inline constexpr std::string_view kArchive =
    R"({"type":"object","properties":{"before":{"type":"string","format":"date-time"}}})";
inline constexpr std::string_view kExplain =
    R"({"type":"object","required":["principal","permission"],"properties":{"principal":{"type":"string"},"permission":{"type":"string"},"key":{"type":"string"},"algorithm":{"type":"string"},"time":{"type":"string"}}})";

inline constexpr std::string_view kDecision =
    R"({"type":"object","required":["signature"],"properties":{"signature":{"type":"string","contentEncoding":"base64"},"reason":{"type":"string"}}})";

}  // namespace signet::api::native::schemas
