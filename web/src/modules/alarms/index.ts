import type { WebModule } from '@/module'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'

const alarms: WebModule = {
  name: 'alarms',
  routes: [
    {
      path: '/alarms',
      name: 'alarms',
      component: () => import('./AlarmsPage.vue'),
      meta: { permission: 'alarms.alarm.read', title: 'alarms.nav' },
    },
  ],
  nav: [{ route: 'alarms', label: 'alarms.nav', permission: 'alarms.alarm.read', order: 30, group: 'main' }],
  locales: { 'zh-CN': zh, en },
}
export default alarms
