#!/usr/bin/env python3
"""Writes fixtures/: small pictures, and what Pillow makes of them. Run it again only to add one (needs Pillow and numpy).

list.txt has a line a check: FILE WIDTH HEIGHT CHANNELS TOLERANCE EXPECTED. EXPECTED is a file of bytes: interleaved RGB as convert('RGB')
gives it where WIDTH is 0, else planar, as resize((WIDTH, HEIGHT), BILINEAR) gives it. TOLERANCE 0 is equality; for JPEG, whose
decoders may round differently, it is the largest mean difference allowed in hundredths of a level."""
import io, os, struct, zlib
import numpy as np
from PIL import Image, ImageOps

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures')
os.makedirs(here, exist_ok=True)
rng = np.random.default_rng(20261124)
lines = []


def picture(height, width, channels=3, levels=256):
    """Smooth colour with an edge and noise: smooth for JPEG, noisy for the resize."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(np.sin(x / (3 + c)) + np.cos(y / (5 - c % 3)) + (x > y) + rng.normal(0, .2, x.shape)) for c in range(channels)]
    a = np.stack(planes, -1)
    a = (a - a.min()) / (a.max() - a.min()) * (levels - 1)
    return (a[..., 0] if channels == 1 else a).round()


def expect(name, raw, *row):
    open(os.path.join(here, raw), 'wb').write(row[-1])
    lines.append(' '.join([name, *map(str, row[:-1]), raw]))


def decoded(name, tolerance=0, exif=False):
    im = Image.open(os.path.join(here, name))
    im = ImageOps.exif_transpose(im) if exif else im
    expect(name, name + '.rgb', 0, 0, 3, tolerance, np.asarray(im.convert('RGB')).tobytes())


def save(name, image, **options):
    image.save(os.path.join(here, name), **options)
    return name


def chunk(kind, body):
    return struct.pack('>I', len(body)) + kind + body + struct.pack('>I', zlib.crc32(kind + body))


def raw_png(name, array, bits, colour, extra=b''):
    """A PNG that Pillow cannot write: array [h, w, c] of big samples."""
    h, w, c = array.shape
    rows = array.astype('>u2' if bits == 16 else 'u1').reshape(h, -1)
    data = b''.join(b'\0' + r.tobytes() for r in rows)
    body = chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, bits, colour, 0, 0, 0)) + extra + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b'')
    open(os.path.join(here, name), 'wb').write(b'\x89PNG\r\n\x1a\n' + body)
    return name


def u8(a):
    return Image.fromarray(a.astype(np.uint8))


# PNG of every colour type, odd sizes: exact.
decoded(save('rgb.png', u8(picture(13, 17))))
decoded(save('grey.png', u8(picture(11, 7, 1))))
decoded(save('grey_alpha.png', Image.fromarray(picture(9, 5, 2).astype(np.uint8), 'LA')))
decoded(save('rgba.png', Image.fromarray(picture(7, 9, 4).astype(np.uint8), 'RGBA')))
decoded(save('palette.png', u8(picture(15, 11)).quantize(13)))
decoded(save('palette_alpha.png', u8(picture(15, 11)).quantize(7), transparency=bytes([0, 128, 255, 3, 9, 77, 1])))
decoded(save('bilevel.png', u8(picture(10, 19, 1)).convert('1')))
decoded(save('grey_key.png', u8(picture(8, 8, 1)), transparency=100))
decoded(save('rgb_key.png', u8(picture(8, 8)), transparency=(1, 2, 3)))
decoded(raw_png('grey16.png', picture(9, 13, 1, 600)[..., None], 16, 0))
decoded(raw_png('rgb16.png', picture(9, 7, 3, 65536), 16, 2))
decoded(raw_png('grey_alpha16.png', picture(6, 7, 2, 65536), 16, 4))
decoded(raw_png('rgba16.png', picture(5, 9, 4, 65536), 16, 6))
decoded(raw_png('one.png', np.array([[[1, 2, 3]]]), 8, 2))

# JPEG: another inverse transform and another upsampling than libjpeg-turbo's.
decoded(save('444.jpg', u8(picture(45, 51)), quality=90, subsampling=0), 100)
decoded(save('420.jpg', u8(picture(45, 51)), quality=90, subsampling=2), 200)
decoded(save('422.jpg', u8(picture(33, 50)), quality=85, subsampling=1), 200)
decoded(save('progressive.jpg', u8(picture(40, 41)), quality=90, progressive=True, subsampling=0), 100)
decoded(save('grey.jpg', u8(picture(31, 29, 1)), quality=90), 60)
decoded(save('restart.jpg', u8(picture(45, 51)), quality=90, subsampling=0, restart_marker_blocks=3), 100)
decoded(save('cmyk.jpg', Image.fromarray(picture(24, 27, 4).astype(np.uint8), 'CMYK'), quality=95), 100)
plain = open(os.path.join(here, 'cmyk.jpg'), 'rb').read()
at = plain.index(b'\xff\xee')
open(os.path.join(here, 'cmyk_plain.jpg'), 'wb').write(plain[:at] + plain[at + 16:])
decoded('cmyk_plain.jpg', 100)

# The eight orientations, both byte orders.
upright = u8(picture(6, 10))
for orientation in range(1, 9):
    order = '<' if orientation % 2 else '>'
    tiff = (b'II*\0' if order == '<' else b'MM\0*') + struct.pack(order + 'IHHHIHHI', 8, 1, 0x112, 3, 1, orientation, 0, 0)
    name = f'turned{orientation}.png'
    b = io.BytesIO()
    upright.save(b, 'PNG')
    b = b.getvalue()
    open(os.path.join(here, name), 'wb').write(b[:33] + chunk(b'eXIf', tiff) + b[33:])
    decoded(name, exif=True)
tiff = b'MM\0*' + struct.pack('>IHHHIHHI', 8, 1, 0x112, 3, 1, 6, 0, 0)
decoded(save('turned.jpg', u8(picture(24, 40)), quality=92, subsampling=0, exif=b'Exif\0\0' + tiff), 100, exif=True)

# Resize: up, down, one way each, to and from one pixel, unchanged.
for name, height, width, sizes in (('noise.png', 23, 37, ((64, 64), (16, 16), (5, 51), (37, 11), (10, 23), (37, 23), (1, 1), (36, 22), (36, 20), (40, 9))),
                                   ('strip.png', 3, 200, ((32, 32), (7, 3), (201, 2))), ('dot.png', 1, 1, ((5, 3),))):
    im = Image.open(os.path.join(here, save(name, u8(rng.integers(0, 256, (height, width, 3))))))
    for size in sizes:
        a = np.asarray(im.resize(size, Image.BILINEAR))
        expect(name, f'{name}.{size[0]}x{size[1]}.rgb', *size, 3, 0, np.ascontiguousarray(a.transpose(2, 0, 1)).tobytes())
    size = sizes[0]
    expect(name, f'{name}.{size[0]}x{size[1]}.grey', *size, 1, 0, np.asarray(im.convert('L').resize(size, Image.BILINEAR)).tobytes())

open(os.path.join(here, 'list.txt'), 'w').write('\n'.join(lines) + '\n')
