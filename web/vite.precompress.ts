import { promises as files } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const squeeze = { br: promisify(brotliCompress), gz: promisify(gzip) }
const TEXT = /\.(m?js|css|svg|json|webmanifest)$/

/** Writes `.br` and `.gz` beside each built text file; the server hands them out and never compresses while somebody waits. */
export function precompress(): Plugin {
  let folder = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    async closeBundle() {
      for (const entry of await files.readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !TEXT.test(entry.name)) continue
        const path = join(entry.parentPath, entry.name)
        const whole = await files.readFile(path)
        if (whole.length < 1024) continue
        const brotli = await squeeze.br(whole, { params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: whole.length } })
        const gz = await squeeze.gz(whole, { level: 9 })
        if (brotli.length < whole.length) await files.writeFile(`${path}.br`, brotli)
        if (gz.length < whole.length) await files.writeFile(`${path}.gz`, gz)
      }
    },
  }
}
