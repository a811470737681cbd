/** The quality byte: a code in the low nibble, flags above; the same words as `telemetry/quality.py`. */
export const CODES = ['good', 'unknown', 'suspect', 'bad', 'substituted', 'calibration', 'maintenance'] as const
export type Code = (typeof CODES)[number]
const FLAGS = [
  [0x10, 'resent'],
  [0x20, 'clock_skew'],
  [0x40, 'late'],
  [0x80, 'simulated'],
] as const

export const codeOf = (quality: number): Code => CODES[quality & 0x0f] ?? 'unknown'
export const flagsOf = (quality: number): string[] => FLAGS.filter(([bit]) => quality & bit).map(([, word]) => word)
/** Where a value may count in a mean: good, unknown or substituted. */
export const usable = (quality: number): boolean => [0, 1, 4].includes(quality & 0x0f)
