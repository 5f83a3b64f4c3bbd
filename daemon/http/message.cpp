#include "daemon/http/message.h"

#include <algorithm>
#include <array>

namespace signet::http {
namespace {

constexpr std::array<std::pair<Verb, std::string_view>, 7> kVerbs = {{
    {Verb::get, "GET"},
    {Verb::head, "HEAD"},
    {Verb::post, "POST"},
    {Verb::put, "PUT"},
    {Verb::patch, "PATCH"},
    {Verb::del, "DELETE"},
    {Verb::options, "OPTIONS"},
}};

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace

std::string_view to_string(Verb verb) {
    for (const auto& [value, name] : kVerbs)
        if (value == verb) return name;
    return "?";
}

std::optional<Verb> verb_from(std::string_view method) {
    for (const auto& [value, name] : kVerbs)
        if (name == method) return value;
    return std::nullopt;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::add(std::string_view name, std::string_view value) {
    const auto at = static_cast<std::uint32_t>(text_.size());
    const auto name_size = static_cast<std::uint32_t>(name.size());
    text_.append(name).append(value);
    fields_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void Headers::reserve(std::size_t fields, std::size_t bytes) {
    fields_.reserve(fields);
    text_.reserve(bytes);
}

const Headers::Field* Headers::find(std::string_view name) const {
    for (const auto& field : fields_)
        if (equal_ignoring_case(std::string_view(text_).substr(field.name_at, field.name_size), name))
            return &field;
    return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
    const auto* field = find(name);
    return field == nullptr ? std::string_view{}
                            : std::string_view(text_).substr(field->value_at, field->value_size);
}

bool Headers::has(std::string_view name) const {
    return find(name) != nullptr;
}

std::size_t Headers::count(std::string_view name) const {
    std::size_t found = 0;
    for (std::size_t i = 0; i < size(); ++i)
        found += equal_ignoring_case(this->name(i), name) ? 1U : 0U;
    return found;
}

std::string_view Headers::name(std::size_t index) const {
    const auto& field = fields_[index];
    return std::string_view(text_).substr(field.name_at, field.name_size);
}

std::string_view Headers::value(std::size_t index) const {
    const auto& field = fields_[index];
    return std::string_view(text_).substr(field.value_at, field.value_size);
}

}  // namespace signet::http
