#include "daemon/api/paycontrol/qr.h"

#include <gif_lib.h>
#include <qrencode.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <vector>

namespace signet::api::paycontrol {
namespace {

constexpr int kSmallest = 300;     // pixels
constexpr int kQuietZone = 4;      // modules, ISO/IEC 18004 section 9.1
constexpr int kPixelsAModule = 2;  // below that phones do not read big codes

struct FreeQr {
    void operator()(QRcode* code) const { QRcode_free(code); }
};
using Qr = std::unique_ptr<QRcode, FreeQr>;

Qr encode(std::string_view text, QRecLevel level) {
    return Qr(QRcode_encodeData(static_cast<int>(text.size()),
                                reinterpret_cast<const unsigned char*>(text.data()), 0, level));
}

int append(GifFileType* gif, const GifByteType* bytes, int size) {
    static_cast<std::string*>(gif->UserData)
        ->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    return size;
}

struct FreeMap {
    void operator()(ColorMapObject* map) const { GifFreeMapObject(map); }
};

bool write_gif(const QRcode& code, int scale, int size, std::string& out) {
    int error = 0;
    GifFileType* gif = EGifOpen(&out, append, &error);
    if (gif == nullptr) return false;
    const std::array<GifColorType, 2> colors{{{255, 255, 255}, {0, 0, 0}}};
    const std::unique_ptr<ColorMapObject, FreeMap> map(GifMakeMapObject(2, colors.data()));
    bool good = map != nullptr && EGifPutScreenDesc(gif, size, size, 1, 0, map.get()) == GIF_OK &&
                EGifPutImageDesc(gif, 0, 0, size, size, false, nullptr) == GIF_OK;
    // What a whole number of pixels a module leaves over goes around the code.
    const int margin = (size - code.width * scale) / 2;
    std::vector<GifPixelType> line(static_cast<std::size_t>(size));
    for (int y = 0; good && y < size; ++y) {
        const int row = y < margin ? -1 : (y - margin) / scale;
        for (int x = 0; x < size; ++x) {
            const int column = x < margin ? -1 : (x - margin) / scale;
            const bool inside = row >= 0 && row < code.width && column >= 0 && column < code.width;
            line[static_cast<std::size_t>(x)] =
                inside && (code.data[row * code.width + column] & 1) != 0 ? GifPixelType{1} : GifPixelType{0};
        }
        good = EGifPutLine(gif, line.data(), size) == GIF_OK;
    }
    return EGifCloseFile(gif, &error) == GIF_OK && good;
}

}  // namespace

Outcome<std::string> qr_gif(std::string_view text) {
    constexpr std::size_t kMost = 2953;  // bytes, version 40 at level L
    if (text.empty() || text.size() > kMost || text.find('\0') != std::string_view::npos)
        return fail(Code::qr_generation_error);
    auto code = encode(text, QR_ECLEVEL_L);
    if (!code) return fail(Code::qr_generation_error);
    if (auto better = encode(text, QR_ECLEVEL_M); better && better->width == code->width)
        code = std::move(better);
    const int modules = code->width + 2 * kQuietZone;
    const int scale = std::max(kPixelsAModule, kSmallest / modules);
    std::string out;
    if (!write_gif(*code, scale, std::max(kSmallest, modules * scale), out))
        return fail(Code::qr_generation_error);
    return out;
}

}  // namespace signet::api::paycontrol
