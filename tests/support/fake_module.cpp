#include "tests/support/fake_module.h"

#include <algorithm>
#include <cstring>

namespace signet::testing {
namespace {

constexpr CK_SLOT_ID kSlot = 7;
FakeModule* current = nullptr;

// Counts the call, and answers what the script says.
#define SIGNET_FAKE(name)                       \
    const std::lock_guard lock(current->mutex); \
    if (const auto rv = current->scripted(#name)) return *rv

#define SIGNET_FAKE_SESSION(name)             \
    SIGNET_FAKE(name);                        \
    auto* session = current->session(handle); \
    if (session == nullptr) return CKR_SESSION_HANDLE_INVALID

void pad(unsigned char* out, std::size_t size, const std::string& text) {
    std::memset(out, ' ', size);
    std::memcpy(out, text.data(), std::min(size, text.size()));
}

FakeModule::Object object_of(const CK_ATTRIBUTE* attributes, CK_ULONG count) {
    FakeModule::Object object;
    for (CK_ULONG i = 0; i < count; ++i) {
        const auto* value = static_cast<const std::uint8_t*>(attributes[i].pValue);
        object[attributes[i].type] = Bytes(value, value + attributes[i].ulValueLen);
    }
    return object;
}

bool flag(const FakeModule::Object& object, CK_ATTRIBUTE_TYPE type) {
    const auto found = object.find(type);
    return found != object.end() && !found->second.empty() && found->second[0] != 0;
}

bool matches(const FakeModule::Object& object, const FakeModule::Object& pattern) {
    return std::ranges::all_of(pattern, [&object](const auto& wanted) {
        const auto found = object.find(wanted.first);
        return found != object.end() && found->second == wanted.second;
    });
}

CK_RV initialize(void*) {
    SIGNET_FAKE(C_Initialize);
    if (current->initialized) return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    current->initialized = true;
    return CKR_OK;
}

CK_RV finalize(void*) {
    SIGNET_FAKE(C_Finalize);
    current->initialized = false;
    current->logged_in = false;
    return CKR_OK;
}

CK_RV get_info(CK_INFO* info) {
    SIGNET_FAKE(C_GetInfo);
    *info = {};
    pad(info->manufacturerID, sizeof info->manufacturerID, current->manufacturer);
    return CKR_OK;
}

CK_RV get_slot_list(unsigned char, CK_SLOT_ID* slots, CK_ULONG* count) {
    SIGNET_FAKE(C_GetSlotList);
    if (slots != nullptr && current->present) slots[0] = kSlot;
    *count = current->present ? 1 : 0;
    return CKR_OK;
}

CK_RV get_token_info(CK_SLOT_ID, CK_TOKEN_INFO* info) {
    SIGNET_FAKE(C_GetTokenInfo);
    if (!current->present) return CKR_TOKEN_NOT_PRESENT;
    *info = {};
    pad(info->label, sizeof info->label, current->label);
    pad(info->serialNumber, sizeof info->serialNumber, current->serial);
    pad(info->manufacturerID, sizeof info->manufacturerID, current->manufacturer);
    pad(info->model, sizeof info->model, "fake");
    info->flags = current->token_flags;
    return CKR_OK;
}

CK_RV get_mechanism_list(CK_SLOT_ID, CK_MECHANISM_TYPE* mechanisms, CK_ULONG* count) {
    SIGNET_FAKE(C_GetMechanismList);
    if (mechanisms != nullptr) mechanisms[0] = CKM_ECDSA;
    *count = 1;
    return CKR_OK;
}

CK_RV open_session(CK_SLOT_ID, CK_FLAGS flags, void*, CK_NOTIFY, CK_SESSION_HANDLE* handle) {
    SIGNET_FAKE(C_OpenSession);
    if (!current->present) return CKR_TOKEN_NOT_PRESENT;
    *handle = current->open((flags & CKF_RW_SESSION) != 0);
    return CKR_OK;
}

CK_RV close_session(CK_SESSION_HANDLE handle) {
    SIGNET_FAKE_SESSION(C_CloseSession);
    current->close(handle);
    return CKR_OK;
}

CK_RV get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO* info) {
    SIGNET_FAKE_SESSION(C_GetSessionInfo);
    *info = {};
    info->state = current->logged_in ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
    return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE, unsigned char* pin, CK_ULONG size) {
    SIGNET_FAKE_SESSION(C_Login);
    if (std::string_view(reinterpret_cast<char*>(pin), size) != current->pin) return CKR_PIN_INCORRECT;
    current->logged_in = true;
    return CKR_OK;
}

CK_RV find_objects_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* attributes, CK_ULONG count) {
    SIGNET_FAKE_SESSION(C_FindObjectsInit);
    if (session->search) return CKR_OPERATION_ACTIVE;
    const auto pattern = object_of(attributes, count);
    session->search.emplace();
    for (const auto& [object_handle, object] : current->objects) {
        if (matches(object, pattern)) session->search->push_back(object_handle);
    }
    std::ranges::reverse(*session->search);
    return CKR_OK;
}

CK_RV find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE* found, CK_ULONG room, CK_ULONG* count) {
    SIGNET_FAKE_SESSION(C_FindObjects);
    if (!session->search) return CKR_OPERATION_NOT_INITIALIZED;
    for (*count = 0; *count < room && !session->search->empty(); ++*count) {
        found[*count] = session->search->back();
        session->search->pop_back();
    }
    return CKR_OK;
}

CK_RV find_objects_final(CK_SESSION_HANDLE handle) {
    SIGNET_FAKE_SESSION(C_FindObjectsFinal);
    session->search.reset();
    return CKR_OK;
}

CK_RV get_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
    SIGNET_FAKE_SESSION(C_GetAttributeValue);
    const auto found = current->objects.find(object);
    if (found == current->objects.end()) return CKR_OBJECT_HANDLE_INVALID;
    CK_RV rv = CKR_OK;
    for (CK_ULONG i = 0; i < count; ++i) {
        const auto value = found->second.find(attributes[i].type);
        if (value == found->second.end()) {
            attributes[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
            rv = CKR_ATTRIBUTE_TYPE_INVALID;
        } else if (attributes[i].pValue == nullptr) {
            attributes[i].ulValueLen = value->second.size();
        } else if (attributes[i].ulValueLen < value->second.size()) {
            attributes[i].ulValueLen = CK_UNAVAILABLE_INFORMATION;
            rv = CKR_BUFFER_TOO_SMALL;
        } else {
            std::memcpy(attributes[i].pValue, value->second.data(), value->second.size());
            attributes[i].ulValueLen = value->second.size();
        }
    }
    return rv;
}

CK_RV set_attribute_value(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
    SIGNET_FAKE_SESSION(C_SetAttributeValue);
    const auto found = current->objects.find(object);
    if (found == current->objects.end()) return CKR_OBJECT_HANDLE_INVALID;
    for (auto& [type, value] : object_of(attributes, count))
        found->second[type] = value;
    return CKR_OK;
}

CK_RV create_object(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* attributes, CK_ULONG count,
                    CK_OBJECT_HANDLE* object) {
    SIGNET_FAKE_SESSION(C_CreateObject);
    *object = current->add(object_of(attributes, count));
    return CKR_OK;
}

CK_RV copy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes, CK_ULONG count,
                  CK_OBJECT_HANDLE* copy) {
    SIGNET_FAKE_SESSION(C_CopyObject);
    const auto found = current->objects.find(object);
    if (found == current->objects.end()) return CKR_OBJECT_HANDLE_INVALID;
    auto changed = found->second;
    for (auto& [type, value] : object_of(attributes, count))
        changed[type] = value;
    *copy = current->add(std::move(changed));
    return CKR_OK;
}

CK_RV destroy_object(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object) {
    SIGNET_FAKE_SESSION(C_DestroyObject);
    return current->objects.erase(object) == 1 ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV generate_key(CK_SESSION_HANDLE handle, CK_MECHANISM*, CK_ATTRIBUTE* attributes, CK_ULONG count,
                   CK_OBJECT_HANDLE* key) {
    SIGNET_FAKE_SESSION(C_GenerateKey);
    *key = current->add(object_of(attributes, count));
    return CKR_OK;
}

CK_RV generate_key_pair(CK_SESSION_HANDLE handle, CK_MECHANISM*, CK_ATTRIBUTE* public_attributes,
                        CK_ULONG public_count, CK_ATTRIBUTE* private_attributes, CK_ULONG private_count,
                        CK_OBJECT_HANDLE* public_key, CK_OBJECT_HANDLE* private_key) {
    SIGNET_FAKE_SESSION(C_GenerateKeyPair);
    if (!session->writable && flag(object_of(private_attributes, private_count), CKA_TOKEN))
        return CKR_SESSION_READ_ONLY;
    auto public_object = object_of(public_attributes, public_count);
    Bytes point(67, 0x11);
    point[0] = 0x04;
    point[1] = 65;
    point[2] = 0x04;
    public_object[CKA_EC_POINT] = point;
    *public_key = current->add(std::move(public_object));
    *private_key = current->add(object_of(private_attributes, private_count));
    return CKR_OK;
}

CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    SIGNET_FAKE_SESSION(C_SignInit);
    if (session->signing) return CKR_OPERATION_ACTIVE;
    if (!current->logged_in) return CKR_USER_NOT_LOGGED_IN;
    if (!current->objects.contains(key)) return CKR_KEY_HANDLE_INVALID;
    session->signing = mechanism->mechanism;
    return CKR_OK;
}

CK_RV sign(CK_SESSION_HANDLE handle, unsigned char*, CK_ULONG, unsigned char* signature, CK_ULONG* size) {
    SIGNET_FAKE_SESSION(C_Sign);
    if (!session->signing) return CKR_OPERATION_NOT_INITIALIZED;
    const CK_ULONG needed = *session->signing == CKM_ECDSA         ? 64
                            : *session->signing == CKM_SHA256_HMAC ? 32
                                                                   : 256;
    if (*size < needed) return CKR_BUFFER_TOO_SMALL;
    std::memset(signature, 0x5A, needed);
    *size = needed;
    session->signing.reset();
    return CKR_OK;
}

CK_RV generate_random(CK_SESSION_HANDLE handle, unsigned char* out, CK_ULONG size) {
    SIGNET_FAKE_SESSION(C_GenerateRandom);
    static unsigned char next = 0;
    for (CK_ULONG i = 0; i < size; ++i)
        out[i] = next++;
    return CKR_OK;
}

}  // namespace

FakeModule::FakeModule() {
    current = this;
}
FakeModule::~FakeModule() {
    current = nullptr;
}

CK_FUNCTION_LIST* FakeModule::functions() {
    // What is not here is a null pointer, as in modules that leave functions out.
    static CK_FUNCTION_LIST list{};
    list.version = {2, 40};
    list.C_Initialize = initialize;
    list.C_Finalize = finalize;
    list.C_GetInfo = get_info;
    list.C_GetSlotList = get_slot_list;
    list.C_GetTokenInfo = get_token_info;
    list.C_GetMechanismList = get_mechanism_list;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_GetSessionInfo = get_session_info;
    list.C_Login = login;
    list.C_FindObjectsInit = find_objects_init;
    list.C_FindObjects = find_objects;
    list.C_FindObjectsFinal = find_objects_final;
    list.C_GetAttributeValue = get_attribute_value;
    list.C_SetAttributeValue = set_attribute_value;
    list.C_CreateObject = create_object;
    list.C_CopyObject = copy_object;
    list.C_DestroyObject = destroy_object;
    list.C_GenerateKey = generate_key;
    list.C_GenerateKeyPair = generate_key_pair;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    list.C_GenerateRandom = generate_random;
    return &list;
}

void FakeModule::answer(const std::string& name, CK_RV rv, int times, int skip) {
    answers_[name].push_back({rv, times, skip});
}

void FakeModule::fail_call(int number, CK_RV rv) {
    numbered_[number] = rv;
}

void FakeModule::clear_answers() {
    answers_.clear();
    numbered_.clear();
}

int FakeModule::calls(const std::string& name) const {
    const auto found = calls_.find(name);
    return found == calls_.end() ? 0 : found->second;
}

int FakeModule::total_calls() const {
    return total_;
}

std::size_t FakeModule::token_objects() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(objects, [](const auto& entry) { return flag(entry.second, CKA_TOKEN); }));
}

void FakeModule::close_sessions(bool login_too) {
    sessions_.clear();
    if (login_too) logged_in = false;
}

std::optional<CK_RV> FakeModule::scripted(std::string_view name) {
    if (on_call) on_call(name);
    ++calls_[std::string(name)];
    const int number = total_++;
    if (const auto found = numbered_.find(number); found != numbered_.end()) return found->second;
    const auto found = answers_.find(name);
    if (found == answers_.end()) return std::nullopt;
    for (auto& answer : found->second) {
        if (answer.times == 0) continue;
        if (answer.skip > 0) {
            --answer.skip;
            return std::nullopt;
        }
        if (answer.times > 0) --answer.times;
        return answer.rv;
    }
    return std::nullopt;
}

FakeModule::Session* FakeModule::session(CK_SESSION_HANDLE handle) {
    const auto found = sessions_.find(handle);
    return found == sessions_.end() ? nullptr : &found->second;
}

CK_SESSION_HANDLE FakeModule::open(bool writable) {
    sessions_[next_session_].writable = writable;
    return next_session_++;
}

CK_OBJECT_HANDLE FakeModule::add(Object object) {
    objects[next_object_] = std::move(object);
    return next_object_++;
}

}  // namespace signet::testing
