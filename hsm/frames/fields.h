// The fields of each message, listed once for both directions: a codec is either an Encoder or a Decoder.
// The order here is the order on the wire. Only messages.cpp includes this.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <type_traits>

#include "base/wire.h"
#include "hsm/frames/field_bounds.h"
#include "hsm/frames/messages.h"

namespace signet::frames {

template <class T, class Message>
concept Is = std::same_as<std::remove_const_t<T>, Message>;

inline bool known(KeyAlgorithm value) {
    return to_string(value) != "unknown";
}
inline bool known(SignAlgorithm value) {
    return to_string(value) != "unknown";
}
inline bool known(MacAlgorithm value) {
    return to_string(value) != "unknown";
}
inline bool known(KeyUsage value) {
    return to_string(value) != "unknown";
}
inline bool known(HashAlgorithm value) {
    return hash_size(value) != 0;
}
inline bool known(ErrorCode value) {
    return error_code_from(static_cast<std::uint8_t>(value)).has_value();
}

class Encoder {
  public:
    static constexpr bool kDecodes = false;
    explicit Encoder(WireWriter& out) : out_(out) {}

    void number(std::unsigned_integral auto value) { out_.number(value); }
    void flag(bool value) { out_.flag(value); }
    void choice(auto value) {
        if (!known(value)) ok_ = false;
        out_.number(static_cast<std::underlying_type_t<decltype(value)>>(value));
    }
    void text(std::string_view value, std::size_t max) { bytes(as_bytes(value), max); }
    void bytes(ByteView value, std::size_t max) {
        if (value.size() > max)
            ok_ = false;
        else
            out_.bytes(value);
    }
    void view(ByteView value, std::size_t max) { bytes(value, max); }
    void secret(const Secret& value, std::size_t max) { bytes(value.view(), max); }
    template <std::size_t N>
    void array(const std::array<std::uint8_t, N>& value) {
        out_.raw(value);
    }
    void list(const auto& items, std::size_t max, const auto& item) {
        if (items.size() > max) {
            ok_ = false;
            return;
        }
        out_.number(static_cast<std::uint32_t>(items.size()));
        for (const auto& each : items)
            item(*this, each);
    }
    bool ok() const { return ok_; }

  private:
    WireWriter& out_;
    bool ok_ = true;
};

class Decoder {
  public:
    static constexpr bool kDecodes = true;
    explicit Decoder(ByteView in) : in_(in) {}

    template <std::unsigned_integral T>
    void number(T& value) {
        value = in_.number<T>();
    }
    void flag(bool& value) { value = in_.flag(); }
    template <class Enum>
    void choice(Enum& value) {
        value = static_cast<Enum>(in_.number<std::underlying_type_t<Enum>>());
        if (!known(value)) in_.reject();
    }
    void text(std::string& value, std::size_t max) { value = in_.text(max); }
    void bytes(Bytes& value, std::size_t max) { value = to_bytes(in_.bytes(max)); }
    void view(ByteView& value, std::size_t max) { value = in_.bytes(max); }
    void secret(Secret& value, std::size_t max) { value = Secret::copy_of(in_.bytes(max)); }
    template <std::size_t N>
    void array(std::array<std::uint8_t, N>& value) {
        const auto field = in_.raw(N);
        if (field.size() == N) std::ranges::copy(field, value.begin());
    }
    void list(auto& items, std::size_t max, const auto& item) {
        const auto count = in_.number<std::uint32_t>();
        // Each item has 4 bytes at least: a count cannot make us reserve more than the message could hold.
        if (count > max || count > in_.remaining() / 4) {
            in_.reject();
            return;
        }
        items.resize(count);
        for (auto& each : items) {
            if (!in_.ok()) return;
            item(*this, each);
        }
    }
    void reject() { in_.reject(); }
    bool finished() const { return in_.finished(); }

  private:
    WireReader in_;
};

void fields(auto&, Is<Nothing> auto&) {}

void fields(auto& codec, Is<KeyId> auto& id) {
    codec.text(id.label, bound::kLabel);
    codec.number(id.version);
}

template <class Codec>
void fields(Codec& codec, Is<KeyUsages> auto& usages) {
    auto bits = usages.bits();
    codec.number(bits);
    if constexpr (Codec::kDecodes) {
        if ((bits & ~bound::kUsages) != 0) codec.reject();
        usages = KeyUsages::from_bits(bits);
    }
}

void fields(auto& codec, Is<KeyBinding> auto& binding) {
    codec.text(binding.owner, bound::kOwner);
    codec.text(binding.key_class, bound::kLabel);
    codec.number(binding.index);
    codec.number(binding.version);
    codec.choice(binding.algorithm);
    fields(codec, binding.usages);
}

void fields(auto& codec, Is<WrappedKey> auto& key) {
    fields(codec, key.wrapping_key);
    fields(codec, key.binding_key);
    fields(codec, key.binding);
    codec.bytes(key.blob, bound::kWrappedBlob);
    codec.bytes(key.mac, bound::kMac);
}

template <class Codec>
void fields(Codec& codec, Is<KeySelector> auto& selector) {
    bool wrapped = std::holds_alternative<WrappedKey>(selector);
    codec.flag(wrapped);
    if constexpr (Codec::kDecodes) {
        if (wrapped) selector.template emplace<WrappedKey>();
    }
    if (wrapped)
        fields(codec, std::get<WrappedKey>(selector));
    else
        fields(codec, std::get<KeyId>(selector));
}

void fields(auto& codec, Is<KeyAttributes> auto& attributes) {
    codec.flag(attributes.sensitive);
    codec.flag(attributes.always_sensitive);
    codec.flag(attributes.extractable);
    codec.flag(attributes.never_extractable);
    codec.flag(attributes.local);
}

void fields(auto& codec, Is<KeyInfo> auto& info) {
    fields(codec, info.id);
    codec.choice(info.algorithm);
    fields(codec, info.usages);
    fields(codec, info.attributes);
    codec.bytes(info.public_key, bound::kPublicKey);
}

void fields(auto& codec, Is<std::vector<KeyInfo>> auto& keys) {
    codec.list(keys, bound::kKeys, [](auto& each, auto& info) { fields(each, info); });
}

// The key stands first in requests that sign: peek_key relies on it.
void fields(auto& codec, Is<SignRequest> auto& request) {
    fields(codec, request.key);
    codec.choice(request.algorithm);
    codec.choice(request.purpose);
    codec.bytes(request.input, bound::kInput);
}

void fields(auto& codec, Is<SignBatchRequest> auto& request) {
    fields(codec, request.key);
    codec.choice(request.algorithm);
    codec.choice(request.purpose);
    codec.list(request.inputs, bound::kBatch,
               [](auto& each, auto& input) { each.bytes(input, bound::kInput); });
}

void fields(auto& codec, Is<std::vector<Bytes>> auto& signatures) {
    codec.list(signatures, bound::kBatch,
               [](auto& each, auto& signature) { each.bytes(signature, bound::kSignature); });
}

void fields(auto& codec, Is<MacRequest> auto& request) {
    fields(codec, request.key);
    codec.choice(request.algorithm);
    codec.bytes(request.data, bound::kInput);
}

void fields(auto& codec, Is<MacVerifyRequest> auto& verify) {
    fields(codec, verify.request);
    codec.bytes(verify.mac, bound::kSignature);
}

void fields(auto& codec, Is<DecryptRequest> auto& request) {
    fields(codec, request.key);
    codec.choice(request.oaep_hash);
    codec.choice(request.mgf1_hash);
    codec.bytes(request.label, bound::kOaepLabel);
    codec.bytes(request.ciphertext, bound::kCiphertext);
}

void fields(auto& codec, Is<GenerateKeyRequest> auto& request) {
    fields(codec, request.id);
    codec.choice(request.algorithm);
    fields(codec, request.usages);
    codec.flag(request.extractable);
}

void fields(auto& codec, Is<RandomRequest> auto& request) {
    codec.number(request.size);
}

void fields(auto& codec, Is<SealRequest> auto& request) {
    fields(codec, request.key);
    codec.bytes(request.associated_data, bound::kAssociatedData);
    codec.view(request.plaintext, bound::kPlaintext);
}

void fields(auto& codec, Is<UnsealRequest> auto& request) {
    fields(codec, request.key);
    codec.bytes(request.associated_data, bound::kAssociatedData);
    codec.bytes(request.sealed, bound::kPlaintext + bound::kSealOverhead);
}

void fields(auto& codec, Is<GenerateWrappedRequest> auto& request) {
    fields(codec, request.wrapping_key);
    fields(codec, request.binding_key);
    fields(codec, request.binding);
}

void fields(auto& codec, Is<GeneratedWrappedKey> auto& generated) {
    fields(codec, generated.key);
    codec.bytes(generated.public_key, bound::kPublicKey);
}

void fields(auto& codec, Is<RewrapRequest> auto& request) {
    fields(codec, request.key);
    fields(codec, request.new_wrapping_key);
    fields(codec, request.new_binding_key);
}

void fields(auto& codec, Is<ImportSecretRequest> auto& request) {
    fields(codec, request.key);
    codec.choice(request.oaep_hash);
    codec.choice(request.mgf1_hash);
    codec.bytes(request.label, bound::kOaepLabel);
    codec.bytes(request.ciphertext, bound::kCiphertext);
    fields(codec, request.binding);
    fields(codec, request.wrapping_key);
    fields(codec, request.binding_key);
}

void fields(auto& codec, Is<ImportedSecret> auto& imported) {
    fields(codec, imported.key);
    codec.array(imported.check_value);
}

void fields(auto& codec, Is<GenerateClearRequest> auto& request) {
    codec.choice(request.algorithm);
}

void fields(auto& codec, Is<ClearKeyPair> auto& pair) {
    codec.secret(pair.private_key, bound::kPlaintext);
    codec.bytes(pair.public_key, bound::kPublicKey);
}

void fields(auto& codec, Is<std::vector<WrappedKey>> auto& keys) {
    codec.list(keys, bound::kSecrets, [](auto& each, auto& key) { fields(each, key); });
}

void fields(auto& codec, Is<ExportedSecrets> auto& secrets) {
    codec.bytes(secrets.salt, bound::kMac);
    codec.bytes(secrets.data, bound::kWrappedBlob);
    codec.bytes(secrets.mac, bound::kMac);
}

void fields(auto& codec, Is<ExportSecretsRequest> auto& request) {
    fields(codec, request.keys);
    codec.view(request.password, bound::kPassword);
    codec.bytes(request.header, bound::kExportHeader);
}

void fields(auto& codec, Is<ImportSecretsRequest> auto& request) {
    fields(codec, request.wrapping_key);
    fields(codec, request.binding_key);
    codec.list(request.bindings, bound::kSecrets, [](auto& each, auto& binding) { fields(each, binding); });
    codec.view(request.password, bound::kPassword);
    codec.bytes(request.header, bound::kExportHeader);
    fields(codec, request.secrets);
}

void fields(auto& codec, Is<RevealSecretsRequest> auto& request) {
    fields(codec, request.keys);
}

void fields(auto& codec, Is<DeriveSecretRequest> auto& request) {
    fields(codec, request.key);
    fields(codec, request.wrapping_key);
    fields(codec, request.binding_key);
    fields(codec, request.binding);
    codec.bytes(request.context, bound::kMac);
}

void fields(auto& codec, Is<BackedUpKey> auto& backed_up) {
    fields(codec, backed_up.key);
    codec.bytes(backed_up.blob, bound::kWrappedBlob);
    codec.bytes(backed_up.mac, bound::kMac);
}

void fields(auto& codec, Is<CertificateEntry> auto& entry) {
    fields(codec, entry.key);
    codec.bytes(entry.certificate, bound::kCertificate);
}

void fields(auto& codec, Is<std::vector<CertificateEntry>> auto& entries) {
    codec.list(entries, bound::kKeys, [](auto& each, auto& entry) { fields(each, entry); });
}

void fields(auto& codec, Is<CheckpointRequest> auto& request) {
    fields(codec, request.key);
    codec.number(request.sequence);
    codec.array(request.head);
    codec.number(request.previous_sequence);
    codec.array(request.previous_head);
}

template <class Codec>
void fields(Codec& codec, Is<std::optional<Anchor>> auto& anchor) {
    bool present = anchor.has_value();
    codec.flag(present);
    if constexpr (Codec::kDecodes) {
        if (present) anchor.emplace();
    }
    if (!present) return;
    codec.number(anchor->sequence);
    codec.array(anchor->head);
}

void fields(auto& codec, Is<TokenStatus> auto& status) {
    codec.text(status.label, bound::kName);
    codec.text(status.serial, bound::kName);
    codec.text(status.manufacturer, bound::kName);
    codec.text(status.model, bound::kName);
    codec.text(status.module, bound::kPath);
    codec.text(status.quirks, bound::kName);
    codec.number(status.worker_pid);
    codec.number(status.supervisor_pid);
    codec.number(status.keys);
    codec.number(status.sessions_open);
    codec.number(status.live_wrapped_keys);
    codec.number(status.queue_depth);
    codec.number(status.resident_bytes);
    codec.number(status.workers_started);
    codec.list(status.mechanisms, bound::kMechanisms,
               [](auto& each, auto& name) { each.text(name, bound::kName); });
}

void fields(auto& codec, Is<Bytes> auto& bytes) {
    codec.bytes(bytes, bound::kAnyReply);
}
void fields(auto& codec, Is<Secret> auto& secret) {
    codec.secret(secret, bound::kAnyReply);
}
void fields(auto& codec, Is<bool> auto& value) {
    codec.flag(value);
}

void fields(auto& codec, Is<Hello> auto& hello) {
    codec.number(hello.lowest);
    codec.number(hello.highest);
    codec.text(hello.program, bound::kName);
}

void fields(auto& codec, Is<Welcome> auto& welcome) {
    codec.number(welcome.version);
    codec.text(welcome.program, bound::kName);
    codec.number(welcome.pid);
}

template <class Codec>
void fields(Codec& codec, Is<Error> auto& error) {
    codec.choice(error.code);
    codec.text(error.message, bound::kErrorText);
    codec.text(error.detail, bound::kErrorText);
    bool has_retry_after = error.retry_after.has_value();
    codec.flag(has_retry_after);
    if (!has_retry_after) return;
    std::uint32_t seconds = 0;
    if constexpr (Codec::kDecodes) {
        codec.number(seconds);
        error.retry_after = std::chrono::seconds(seconds);
    } else {
        seconds = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
            error.retry_after->count(), 0, std::numeric_limits<std::uint32_t>::max()));
        codec.number(seconds);
    }
}

}  // namespace signet::frames
