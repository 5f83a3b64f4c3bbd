#include "daemon/ctl/ceremony/qr.h"

#include <qrencode.h>

#include <memory>

namespace signet::ctl {

namespace {

constexpr std::size_t kMostBytes = 1000;
constexpr int kQuietZone = 4;

using Code = std::unique_ptr<QRcode, void (*)(QRcode*)>;

Result<Code> encode(std::string_view text) {
    if (text.empty() || text.size() > kMostBytes)
        return fail(ErrorCode::too_large, "a QR code holds 1 to 1,000 bytes");
    Code code(QRcode_encodeData(static_cast<int>(text.size()),
                                reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_M),
              QRcode_free);
    if (!code) return fail(ErrorCode::internal, "cannot make the QR code");
    return code;
}

}  // namespace

Result<std::string> qr_svg(std::string_view text, unsigned size_mm) {
    SIGNET_ASSIGN(const auto code, encode(text));
    const auto side = std::to_string(code->width + 2 * kQuietZone);
    const auto size = std::to_string(size_mm);
    std::string path;
    for (int row = 0; row < code->width; ++row) {
        for (int column = 0; column < code->width;) {
            const auto dark = [&](int at) { return (code->data[row * code->width + at] & 1) != 0; };
            if (!dark(column)) {
                ++column;
                continue;
            }
            int end = column;
            while (end < code->width && dark(end))
                ++end;
            path += "M" + std::to_string(column + kQuietZone) + " " + std::to_string(row + kQuietZone) + "h" +
                    std::to_string(end - column) + "v1h-" + std::to_string(end - column) + "z";
            column = end;
        }
    }
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + size + "mm\" height=\"" + size +
           "mm\" viewBox=\"0 0 " + side + " " + side +
           "\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h" + side + "v" + side +
           "H0z\"/><path d=\"" + path + "\"/></svg>";
}

Result<std::string> qr_blocks(std::string_view text) {
    SIGNET_ASSIGN(const auto code, encode(text));
    const auto dark = [&](int row, int column) {
        return row >= 0 && column >= 0 && row < code->width && column < code->width &&
               (code->data[row * code->width + column] & 1) != 0;
    };
    // Light on dark, as terminals mostly are: a full block is a light module.
    std::string out;
    for (int row = -kQuietZone; row < code->width + kQuietZone; row += 2) {
        for (int column = -kQuietZone; column < code->width + kQuietZone; ++column) {
            const bool upper = !dark(row, column);
            const bool lower = !dark(row + 1, column);
            out += upper && lower ? "\u2588" : upper ? "\u2580" : lower ? "\u2584" : " ";
        }
        out += '\n';
    }
    return out;
}

}  // namespace signet::ctl
