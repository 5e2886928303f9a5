// The part of the protocol buffer wire format that ONNX files need:
// https://protobuf.dev/programming-guides/encoding/

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/**
 * Yield the fields of a message in order: { number, kind, value, start, end }.
 *
 * `value` is a Number for varints, and otherwise a view of the bytes. `start` and `end` are the range of the field in
 * `bytes`, including its tag. Varints above 2^53 lose precision. Throws RangeError for bytes that are not a message.
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

/** Encode a field as bytes. `value` is a Number for a varint, and otherwise a Uint8Array. */
export function field(number, value) {
  if (typeof value === "number") return concatenated([varintBytes(number * 8 + VARINT), varintBytes(value)]);
  return concatenated([varintBytes(number * 8 + BYTES), varintBytes(value.length), value]);
}

/** Concatenate several Uint8Arrays. */
export function concatenated(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
