/* The session's clock: deadlines, answers for stuck handlers, beats. */
#include "common/session_impl.h"

static void timer_answer_stuck(struct session *s, struct request *rq)
{
    struct op_error err = {.os = 0};
    if (!request_stopped(rq, &err))
        return;
    size_t len = session_write_error(s->timer_buffer, sizeof s->timer_buffer, rq->id, &err);
    request_answer(rq, s->timer_buffer, len);
    rq->answer_by = PLAT_FOREVER;
}

/*
 * Ends what is due and returns when to look again. Called with the mutex held, answers included:
 * a request cannot leave the table meanwhile, and the handlers of a blocked wire wait anyway.
 */
static uint64_t timer_check(struct session *s, uint64_t now)
{
    uint64_t next = PLAT_FOREVER;

    for (size_t i = 0; i < PROTO_MAX_REQUESTS; i++) {
        struct request *rq = s->table[i];
        if (rq == NULL)
            continue;
        if (rq->deadline_at <= now) {
            request_stop(rq, PROTO_ERR_DEADLINE, now);
            rq->deadline_at = PLAT_FOREVER;
        }
        if (rq->answer_by <= now)
            timer_answer_stuck(s, rq);
        if (rq->deadline_at < next)
            next = rq->deadline_at;
        if (rq->answer_by < next)
            next = rq->answer_by;
    }
    return next;
}

static void timer_beat(struct session *s, uint64_t seq, uint64_t now)
{
    struct jsonw w;

    jsonw_init(&w, s->timer_buffer, sizeof s->timer_buffer);
    jsonw_byte(&w, FRAME_RS);
    jsonw_open(&w, '{');
    jsonw_key(&w, "beat");
    jsonw_open(&w, '{');
    jsonw_put_u64(&w, "seq", seq);
    jsonw_put_u64(&w, "up_ms", now);
    jsonw_close(&w, '}');
    jsonw_close(&w, '}');
    jsonw_byte(&w, FRAME_LF);
    wire_send(s->wire, w.buf, w.len, NULL, NULL);
}

void session_timer_run(void *session)
{
    struct session *s = session;
    uint32_t pause = s->agent->beat_ms;
    uint64_t seq = 0, beat_at = pause == 0 ? PLAT_FOREVER : plat_now_ms() + pause;

    for (;;) {
        uint64_t now = plat_now_ms();
        plat_mutex_lock(s->mutex);
        plat_event_reset(s->kick);
        bool closing = s->closing && s->active == 0;
        uint64_t next = timer_check(s, now);
        if (closing) /* under the mutex, and nothing of s after it: the closer frees s */
            plat_event_set(s->timer_gone);
        plat_mutex_unlock(s->mutex);
        if (closing)
            return;
        if (beat_at <= now) {
            timer_beat(s, ++seq, now);
            beat_at = now + pause;
        }
        if (beat_at < next)
            next = beat_at;
        plat_event_wait(s->kick, next == PLAT_FOREVER ? PLAT_FOREVER : next > now ? next - now : 0);
    }
}
