/** Data that the formats' own programs packed (zstd 1.5, lz4 1.9, xz 5.4, bzip2 1.0.8), so that our unpackers are held to them. */
import { pcapFile } from './capture-bytes.ts';

/** 2,000 records of 60 octets: more than one block in every format. */
export const CAPTURE = pcapFile(
  {},
  Array.from({ length: 2000 }, (_, i) => ({ seconds: 7, bytes: new Uint8Array(60).fill(i % 10) })),
);

const unpacked = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** CAPTURE, by the command. */
export const PACKED: Readonly<Record<string, Uint8Array>> = {
  'zstd --check': unpacked(
    'KLUv/aTYUQIA5AIA0NTDsqECAAQABAABAAAABwA8AQIDBAUGBwgJGwBY/PtEDsYnTgAIBEgAEABOOoAEcNKBLoKTDiABnHQACeCkA0gAJx1AAjjpABLASQeQ' +
      'AC7dE5AIkLDLFwy+AS5FAAAIBAEA1NEOhIHB7zU=',
  ),
  'lz4 -B4 -BD -BX --content-size': unpacked(
    'BCJNGFxA2FECAAAAAADhxAEAAIbUw7KhAgAEAAEAcwQAAQAAAAcRABM8BAAPAgApDEwAHwEBACgMTAAfAgEAKAxMAB8DAQAoDEwAHwQBACgMTAAfBQEAKAxM' +
      'AB8GAQAoDEwAHwcBACkDUQIEYAIfCAEAKAyYAB8JAQAoDEwADwIAKQxMAA/3AigcAUwAD/cCKBwCTAAP9wIoHANMAB8EAQAoDEwAD/cCKBwFTAAP9wIoHAZM' +
      'AA/3AikMTAAfCAEAKAxMAA/3AigcCUwADwIAKQxMAA/4Av//////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '//////////////////9+UAEBAQEBNPv56REBAAATB+n5BIj9D1j8////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////9hQBAQEBAS43egpAwEAAB8EAQAgIgcAAQATPAQAHwUBACgMTAAfBgEAKAxMAB8HAQApAuMABeQAHwgBACgMmAAf' +
      'CQEAKAxMAA8CACkMTAAfAQEAKAxMAB8CAQAoDEwAHwMBACgMTAAfBAEAKAxMAA/3AigcBUwAD/cCKBwGTAAP9wIpDEwAHwgBACgMTAAP9wIoHAlMAA8CACkM' +
      'TAAP9wIoHAFMAA/3AigcAkwAD/cCKBwDTAAfBAEAKAxMAA/4Av//////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////9dQCQkJCQkL7A2UAAAAAOA1L6U=',
  ),
  'lz4 -B4 -BI': unpacked(
    'BCJNGGRAp8QBAACG1MOyoQIABAABAHMEAAEAAAAHEQATPAQADwIAKQxMAB8BAQAoDEwAHwIBACgMTAAfAwEAKAxMAB8EAQAoDEwAHwUBACgMTAAfBgEAKAxM' +
      'AB8HAQApA1ECBGACHwgBACgMmAAfCQEAKAxMAA8CACkMTAAP9wIoHAFMAA/3AigcAkwAD/cCKBwDTAAP9wIoHARMAA/3AigcBUwAD/cCKBwGTAAP9wIpDEwA' +
      'D/cCKBwITAAP9wIoHAlMAA8CACkMTAAP+AL/////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////flABAQEBAa0BAAAiBwABABM8BAAfAgEAKAxMAB8DAQAoDEwAHwQBACgMTAAfBQEAKAxMAB8GAQAoDEwAHwcBACkCxwEFyAEfCAEAKAyYAB8JAQAo' +
      'DEwADwIAKQxMAB8BAQAoDEwAD/cCKBwCTAAP9wIoHANMAA/3AigcBEwAD/cCKBwFTAAP9wIoHAZMAA/3AikMTAAP9wIoHAhMAA/3AigcCUwADwIAKQxMAA/3' +
      'AigcAUwAD/gC////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '////////////////////////////////////////////////////////////////////////////////////////////////////////////////////////' +
      '/////////////////////////////////////////////////////////////////////////////////////////////////////////+JQBAQEBAQHAQAA' +
      'HwQBACAiBwABABM8BAAfBQEAKAxMAB8GAQAoDEwAHwcBACkC4wAF5AAfCAEAKAyYAB8JAQAoDEwADwIAKQxMAB8BAQAoDEwAHwIBACgMTAAfAwEAKAxMAA/v' +
      'AiAFAgAMTAAP9wIoHAVMAA/3AigcBkwAD/cCKQxMAA/3AigcCEwAD/cCKBwJTAAPAgApDEwAD/cCKBwBTAAP9wIoHAJMAA/3AigcA0wABcUCDwIAIAxMAA/4' +
      'Av///////////////////////////////////////////////////////////////////////////////////////////////////9dQCQkJCQkAAAAA4DUv' +
      'pQ==',
  ),
  'xz --block-size=65536': unpacked(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4P//AINdAGow0ch9i/gJm68fzHkD884GLYXQQ5OAOhAXQpddK+Ui/jJ/EEoa5uQCqbXHaxYTf16YwX833ONjAiLN' +
      'C1sEhuRocd2GFP1UwcNSUV4QRb4QA1KmNJ5o2v8gHCMs9lTHW4Sw35OBa3QSPKLF8ZllOgAyjAMhemfklICoOQy/ViXvA7ccAABhJ+QhktCD8QIAIQEWAAAA' +
      'dC/lo+D//wB2XQADgDfpJhFXUlbw4frZOzwYb+ifl3m9bkM8JlP6KIMofm3xOVDXZCHFzH9vWIr0SknDaqiAs3J7kWuDZUi+ko28j99OlnIciJviSuE53eSW' +
      '/6AqH0h6olPuhC1rUm1IZfi4HbRLxFeEqyGuxHOAz9wDM7ZEGxVgAAAAB9vf96tLFxUCACEBFgAAAHQv5aPgUdcAZl0AAm4+BwB3wVJl/UDmTpTMgfVZskGi' +
      'IWX9/qcc2RdhdxzOLb2V9wfVNEdKzm0dkbM8BOBBsMPTn0WgjBQs9YeYlboILvqLqvqxH2Dl8aCjfmL5BELKPw7uZe0QVWqRq2ZAvb8m04sAAAAA+xXlb6yw' +
      'EbwAA58BgIAEkgGAgASCAdijAQAAAMvY57MJ9GLmBQAAAAAEWVo=',
  ),
  'bzip2 -1': unpacked(
    'QlpoMTFBWSZTWYFLhpgASLDIHn/gAGwgABAACAAEADABOAQkoaBoAKaZGJiYgUpSJ5NT9TKZOAItCLBFv0CLyEqsFI/NthSMEWBKrEVKnjBITfKIK8ikd7CL' +
      'wKRgi9CkZCVXGCLcUjBFyKRgi/RSM6qF2IsFUm0RbikYIuhSMEXdVC9iLQi0ItCLQi0IvQi45EXIogqAISS532vi7kinChIQKXDTAA==',
  ),
};

/** CAPTURE with a filter that XZ Embedded was built without: xz --x86 --lzma2. */
export const FILTERED_XZ = unpacked(
  '/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4lHXAJFdAGow0ch9i/gJm68fzHkD884GLYXQQ5OAOhAXQpddK+Ui/jJ/EEoa5uQCqbXHaxYTf16YwX833ONjAiLN' +
    'C1sEhuRocd2GFP1UwcNSUV4QRb4QA1KmNJ5o2v8gHCMs9lTHW4Sw35OBa3QSPKLF8ZllOgAyjAMhemfklICoOQy/VndiANoX8YcHfi2WzL0wjQb9iQAAAAAA' +
    '+0LFoja4KWAAAa0B2KMJAFs2q7KxxGf7AgAAAAAEWVo=',
);

/** A few words with a check that XZ Embedded was built without: xz --check=sha256. */
export const CHECKED_XZ = unpacked(
  '/Td6WFoAAArh+wyhAgAhARYAAAB0L+WjAQASY2hlY2tlZCBieSBTSEEtMjU2CgAA6PZ4j4VJUUbuNprxFOqGREpojmwSIUKXMLHbj+JFr7kAAUMTM+hsfxib' +
    'S5oBAAAAAApZWg==',
);

/** A MiB of zeros, by the command. */
export const ZEROS: Readonly<Record<string, Uint8Array>> = {
  zstd: unpacked('KLUv/aAAABAAVAAAEAAAAQD7/znAAgIAEAACABAAAgAQAAIAEAACABAAAgAQAAMAEAA='),
  xz: unpacked(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN2X+m44wjEVPgWRjFdYri' +
      'd/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaY' +
      'TZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAwva6PqJwa2AAAfUBgIBAAHmX' +
      'f0exxGf7AgAAAAAEWVo=',
  ),
  bzip2: unpacked('QlpoOTFBWSZTWThXHOUACAhAAMAEAAggADDMBSmmCAbEIB4u5IpwoSBwrjnK'),
};
