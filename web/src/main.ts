import './styles/fonts'
import './styles/tokens.css'
import './styles/base.css'
import { createPinia } from 'pinia'
import { createApp, watch } from 'vue'
import App from './App.vue'
import { connectClient } from './api/client'
import { i18n, language, setLanguage } from './i18n'
import { setTimeZone } from './lib/format'
import { link } from './live/socket'
import { startWorker } from './offline/worker'
import { bindTimeWindow, router } from './router'
import { useSession } from './stores/session'

const app = createApp(App).use(createPinia()).use(i18n)
const session = useSession()
setLanguage(language())

connectClient({
  csrf: () => session.csrf,
  language,
  unauthorized: () => {
    if (!session.signedIn) return
    session.forget()
    const here = router.currentRoute.value
    void router.replace({ name: 'sign-in', query: { next: here.fullPath, ended: '1' } })
  },
})

watch(
  () => session.meta?.zone.timezone,
  (zone) => zone && setTimeZone(zone),
)
watch(
  () => session.signedIn,
  (yes) => (yes ? link.start() : link.stop()),
)
void session.loadMeta().catch(() => undefined)

app.use(router)
bindTimeWindow()
// The opening stays until there is something to draw in its place, be it the page that says what went wrong.
void router.isReady().catch(() => undefined).finally(() => app.mount('#app'))
// The worker is for the next visit without a network; it must not cost this one its first picture.
window.addEventListener('load', () => (window.requestIdleCallback ?? window.setTimeout)(startWorker), { once: true })
