# The R end of glmnet.py: reads the data once, then for each line of input, a tolerance, fits, and says seconds, extra bytes at the
# peak (or -1) and the number of alphas. Nothing but glmnet's own call is inside the clock.
suppressPackageStartupMessages({ library(Matrix); library(glmnet) })
words <- commandArgs(trailingOnly = TRUE)
folder <- words[1]; n <- as.integer(words[2]); p <- as.integer(words[3]); m <- as.integer(words[4]); nnz <- as.integer(words[5])
family <- words[6]; variant <- words[7]; intercept <- words[8] == "1"; cv <- words[9] == "1"
at <- function(name) file.path(folder, paste0(name, ".bin"))
numbers <- function(name, count) readBin(at(name), "double", count)
integers <- function(name, count) readBin(at(name), "integer", count)
X <- if (nnz > 0) {
  new("dgCMatrix", i = integers("i", nnz), p = integers("p", p + 1L), x = numbers("x", nnz), Dim = c(n, p))
} else matrix(numbers("X", as.double(n) * p), n, p)
y <- numbers("y", n); lambda <- numbers("alphas", m)
folds <- if (cv) integers("folds", n)
glmnet.control(fdev = 0, devmax = 1)

status <- function(name) {
  line <- grep(paste0("^", name), readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) * 1024
}
fit <- function(thresh) {
  how <- list(x = X, y = y, family = family, lambda = lambda, thresh = thresh, maxit = 1e8, standardize = FALSE, intercept = intercept)
  how[[if (family == "gaussian") "type.gaussian" else "type.logistic"]] <- variant
  if (cv) do.call(cv.glmnet, c(how, list(foldid = folds, keep = TRUE))) else do.call(glmnet, how)
}
cat("ready\n"); flush(stdout())
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  invisible(gc())
  before <- tryCatch({ cat("5", file = "/proc/self/clear_refs"); status("VmRSS") }, error = function(e) NA, warning = function(w) NA)
  start <- Sys.time()
  found <- suppressWarnings(fit(as.numeric(line)))
  seconds <- as.numeric(difftime(Sys.time(), start, units = "secs"))
  peak <- if (is.na(before)) -1 else max(0, status("VmHWM") - before)
  if (cv) {
    writeBin(as.double(found$fit.preval[, seq_len(min(m, ncol(found$fit.preval)))]), at("held"))
    count <- length(found$lambda)
  } else {
    beta <- as(found$beta, "CsparseMatrix")
    writeBin(beta@i, at("beta-i")); writeBin(beta@p, at("beta-p")); writeBin(beta@x, at("beta-x"))
    writeBin(as.double(found$a0), at("a0"))
    count <- length(found$lambda)
  }
  cat(sprintf("%.9f %.0f %d\n", seconds, peak, count)); flush(stdout())
}
