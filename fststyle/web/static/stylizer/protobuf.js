// The wire format of protocol buffers, as far as ONNX files need it:
// https://protobuf.dev/programming-guides/encoding/

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/**
 * The fields of a message, in their order: { number, kind, value, start, end }.
 *
 * `value` is a Number for varints, else a view of the bytes. `start` and `end` are the place of the field, its
 * tag included. Varints above 2^53 lose accuracy. Throws RangeError for bytes that are no message.
 */
export function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1;
    for (;;) {
      if (at >= bytes.length || scale > 2 ** 63) throw new RangeError("not a protocol buffer");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const number = Math.floor(tag / 8), kind = tag % 8;
    let value;
    if (kind === VARINT) {
      value = varint();
    } else {
      const size = kind === BYTES ? varint() : kind === FIXED64 ? 8 : kind === FIXED32 ? 4 : -1;
      if (size < 0 || at + size > bytes.length) throw new RangeError("not a protocol buffer");
      value = bytes.subarray(at, at + size);
      at += size;
    }
    yield { number, kind, value, start, end: at };
  }
}

function varintBytes(value) {
  const bytes = [];
  while (value > 127) {
    bytes.push((value % 128) | 128);
    value = Math.floor(value / 128);
  }
  bytes.push(value);
  return Uint8Array.from(bytes);
}

/** A field as bytes: `value` is a Number for a varint, else the bytes of the field. */
export function field(number, value) {
  if (typeof value === "number") return concatenated([varintBytes(number * 8 + VARINT), varintBytes(value)]);
  return concatenated([varintBytes(number * 8 + BYTES), varintBytes(value.length), value]);
}

/** One Uint8Array of several. */
export function concatenated(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
