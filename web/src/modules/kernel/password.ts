const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789'

/** A temporary password a person can read out: four groups, about 79 bits, nothing that looks alike. */
export function temporaryPassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (b) => crypto.getRandomValues(b)): string {
  const bytes = random(new Uint8Array(16))
  const letters = [...bytes].map((b) => LETTERS[b % LETTERS.length]!)
  return [0, 4, 8, 12].map((at) => letters.slice(at, at + 4).join('')).join('-')
}
