//! Threads and interrupts.
//!
//! Work runs on a pool of our own, keyed by the process: the global pool of rayon would hang for
//! ever in a forked child, whose threads are not there. A [`Job`] runs on a thread beside the
//! interpreter's, which waits without holding the interpreter, looks for signals twenty times a
//! second, and on one raises the flag that ends the work.

use crate::errors::Failure;
use gradiometer::population::Stop;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::any::Any;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the waiting thread looks for signals.
const TICK: Duration = Duration::from_millis(50);
/// How long it waits for work that was told to end; then the work is left to end by itself.
const PATIENCE: Duration = Duration::from_millis(300);

/// The variable that sets the number of threads at the start.
const VARIABLE: &str = "GRADIOMETER_NUM_THREADS";

struct Kept {
    process: u32,
    pool: Arc<ThreadPool>,
}

/// Taken only with the interpreter attached, so that no fork finds it locked.
static POOL: Mutex<Option<Kept>> = Mutex::new(None);
static THREADS: Mutex<Option<NonZero<usize>>> = Mutex::new(None);

/// The contents, also after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn threads() -> usize {
    let asked = *lock(&THREADS);
    let variable = || std::env::var(VARIABLE).ok()?.parse().ok();
    let available = || std::thread::available_parallelism().ok();
    asked.or_else(variable).or_else(available).map_or(1, NonZero::get)
}

/// This process's pool.
pub(crate) fn pool(_attached: Python<'_>) -> Result<Arc<ThreadPool>, Failure> {
    let mut kept = lock(&POOL);
    let (process, threads) = (std::process::id(), threads());
    match kept.take() {
        Some(found) if found.process == process && found.pool.current_num_threads() == threads => {
            let pool = found.pool.clone();
            *kept = Some(found);
            return Ok(pool);
        }
        // A parent's threads are not there: nothing of its pool may be asked to end.
        Some(found) if found.process != process => std::mem::forget(found),
        _ => {}
    }
    let built = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("gradiometer-{i}"))
        .build()
        .map_err(|error| Failure::internal(format!("no threads could be started: {error}")))?;
    let pool = Arc::new(built);
    *kept = Some(Kept { process, pool: pool.clone() });
    Ok(pool)
}

/// The number of threads that computations use; no result depends on it.
#[pyfunction]
pub(crate) fn get_num_threads() -> usize {
    threads()
}

/// Sets it, for the calls from now on.
#[pyfunction]
pub(crate) fn set_num_threads(threads: usize) -> PyResult<()> {
    let Some(threads) = NonZero::new(threads) else {
        return Err(Failure::data("threads is 0; give at least 1").into());
    };
    *lock(&THREADS) = Some(threads);
    Ok(())
}

/// A result, or what a panic said.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(work))
}

/// Short work in the caller's thread, which asks for no other.
pub(crate) fn here<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|panic| Failure::of_panic(&*panic).into())
}

/// Short work on the pool.
pub(crate) fn on_pool<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    let pool = pool(py)?;
    here(py, || pool.install(work))
}

/// Work that may be long.
pub(crate) fn long<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> PyResult<T> {
    long_within(py, None, move |stop, _never| work(stop))
}

/// Work that may be long, and is told by a second flag that so many seconds are over: then it comes
/// to an end with what it has.
pub(crate) fn long_within<T: Send + 'static>(
    py: Python<'_>,
    seconds: Option<f64>,
    work: impl FnOnce(&Stop, &Stop) -> T + Send + 'static,
) -> PyResult<T> {
    let late = Stop::new();
    let flag = late.clone();
    let job = Job::start(py, move |stop| work(stop, &flag))?;
    let wait = |time| {
        job.wait(py, time).inspect_err(|_| {
            job.stop();
            job.is_done_within(py, PATIENCE);
        })
    };
    let limit = seconds.map(|s| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX));
    if limit.is_some() && !wait(limit)? {
        late.raise();
    }
    wait(None)?;
    job.take()
}

/// Work on a thread beside the interpreter's.
pub(crate) struct Job<T> {
    process: u32,
    slot: Arc<Slot<T>>,
    stop: Stop,
}

struct Slot<T> {
    found: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Working,
    Done(Result<T, Box<dyn Any + Send>>),
    Taken,
}

impl<T: Send + 'static> Job<T> {
    /// Starts it on this process's pool.
    pub(crate) fn start(
        py: Python<'_>,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<Self, Failure> {
        let (pool, stop) = (pool(py)?, Stop::new());
        let slot = Arc::new(Slot { found: Mutex::new(State::Working), changed: Condvar::new() });
        let (into, flag) = (slot.clone(), stop.clone());
        std::thread::Builder::new()
            .name("gradiometer-job".to_owned())
            .spawn(move || {
                let found = caught(|| pool.install(|| work(&flag)));
                *lock(&into.found) = State::Done(found);
                into.changed.notify_all();
            })
            .map_err(|error| Failure::internal(format!("no thread could be started: {error}")))?;
        Ok(Self { process: std::process::id(), slot, stop })
    }

    /// Tells it to end.
    pub(crate) fn stop(&self) {
        self.stop.raise();
    }

    /// Whether it has ended, at once.
    pub(crate) fn is_done(&self) -> bool {
        !matches!(*lock(&self.slot.found), State::Working)
    }

    /// Waits for its end, without the interpreter and without a look for signals.
    pub(crate) fn is_done_within(&self, py: Python<'_>, time: Duration) -> bool {
        py.detach(|| {
            let found = lock(&self.slot.found);
            let working = |found: &mut State<T>| matches!(found, State::Working);
            let waited = self.slot.changed.wait_timeout_while(found, time, working);
            let (found, _) = waited.unwrap_or_else(PoisonError::into_inner);
            !matches!(*found, State::Working)
        })
    }

    /// Waits for its end, or for so long, and looks for signals; whether it has ended.
    pub(crate) fn wait(&self, py: Python<'_>, time: Option<Duration>) -> PyResult<bool> {
        if self.process != std::process::id() {
            let message = "this computation runs in the process that started it, not in its fork";
            return Err(Failure::data(message).into());
        }
        let mut left = time;
        loop {
            let tick = left.map_or(TICK, |left| left.min(TICK));
            if self.is_done_within(py, tick) {
                return Ok(true);
            }
            py.check_signals()?;
            left = left.map(|left| left.saturating_sub(tick));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }

    /// What it came to, once.
    pub(crate) fn take(&self) -> PyResult<T> {
        let found = std::mem::replace(&mut *lock(&self.slot.found), State::Taken);
        match found {
            State::Done(Ok(found)) => Ok(found),
            State::Done(Err(panic)) => Err(Failure::of_panic(&*panic).into()),
            State::Working | State::Taken => {
                Err(Failure::internal("the result is not there, or was taken before").into())
            }
        }
    }
}
