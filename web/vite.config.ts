import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { precompress } from './vite.precompress.ts'

const server = process.env.PARKSIGHT_URL ?? 'http://127.0.0.1:8600'

export default defineConfig({
  plugins: [vue(), precompress()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    // No eval under our content security policy: messages are compiled to an AST, never to code.
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    __VUE_OPTIONS_API__: 'true', // Element Plus needs it
    __VUE_PROD_DEVTOOLS__: 'false',
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    strictPort: true,
    proxy: { '/api': { target: server, ws: true } },
  },
  build: {
    outDir: '../src/parksight/web/static',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // fonts and icons as files: the policy allows no data: fonts
    chunkSizeWarningLimit: 1100, // MapLibre is one piece
  },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts'] },
})
