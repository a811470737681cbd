/** Raw bytes as people read them. */

export interface HexLine {
  offset: string
  hex: string
  ascii: string
}

export function bytesOf(hex: string): Uint8Array {
  if (hex.length % 2 || /[^0-9a-f]/i.test(hex)) throw new RangeError('not a whole number of hexadecimal bytes')
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16))
}

/** Lines of `width` bytes with their offset; bytes that are no printable ASCII show as a dot. */
export function hexLines(hex: string, width = 16): HexLine[] {
  const bytes = bytesOf(hex)
  const lines: HexLine[] = []
  for (let at = 0; at < bytes.length; at += width) {
    const part = [...bytes.subarray(at, at + width)]
    const pairs = part.map((b) => b.toString(16).padStart(2, '0'))
    const half = width / 2
    lines.push({
      offset: at.toString(16).padStart(4, '0'),
      hex: [pairs.slice(0, half).join(' '), pairs.slice(half).join(' ')].filter(Boolean).join('  '),
      ascii: part.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '·')).join(''),
    })
  }
  return lines
}

/** The dump as text, for the clipboard. */
export function hexText(hex: string, width = 16): string {
  const room = width * 3
  return hexLines(hex, width)
    .map((l) => `${l.offset}  ${l.hex.padEnd(room)}  ${l.ascii}`)
    .join('\n')
}
