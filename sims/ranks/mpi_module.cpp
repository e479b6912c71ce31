// The module of one installation of MPI, made by its own compiler; needs nothing else of this project.
#include "mpi_functions.hpp"

#include <mpi.h>
#include <sched.h>
#include <string.h>

// Which of the two the build asks for.
#if (defined(MFLD_NEEDS_openmpi) && !defined(OPEN_MPI)) || (defined(MFLD_NEEDS_mpich) && defined(OPEN_MPI))
#error "the other one"
#endif

namespace {

/// Ranks that share a processor would wait for each other until their time is over.
constexpr int looks_before_yield = 100;

int wait(MPI_Request* request) {
  int done = 0;
  for (int looks = 0;; ++looks) {
    const int error = MPI_Test(request, &done, MPI_STATUS_IGNORE);
    if (error != MPI_SUCCESS || done != 0) {
      return error;
    }
    if (looks >= looks_before_yield) {
      sched_yield();
    }
  }
}

/// begin(offset, count, request) for one part after the other.
template <class Begin>
int in_parts(std::size_t size, const Begin& begin) {
  for (std::size_t offset = 0; offset < size; offset += most_bytes) {
    const std::size_t count = size - offset < most_bytes ? size - offset : most_bytes;
    MPI_Request request = MPI_REQUEST_NULL;
    int error = begin(offset, static_cast<int>(count), &request);
    if (error == MPI_SUCCESS) {
      error = wait(&request);
    }
    if (error != MPI_SUCCESS) {
      return error;
    }
  }
  return MPI_SUCCESS;
}

int start(int* rank, int* count) {
  int provided = 0;
  int error = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (error == MPI_SUCCESS) {
    error = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  if (error == MPI_SUCCESS && provided < MPI_THREAD_SERIALIZED) {
    error = MPI_ERR_UNSUPPORTED_OPERATION;
  }
  if (error == MPI_SUCCESS) {
    error = MPI_Comm_rank(MPI_COMM_WORLD, rank);
  }
  return error == MPI_SUCCESS ? MPI_Comm_size(MPI_COMM_WORLD, count) : error;
}

int end() { return MPI_Finalize(); }

// A request is a pointer or a number of MPI's own.
static_assert(sizeof(MPI_Request) <= sizeof(std::uint64_t));

std::uint64_t message_of(const MPI_Request& request) {
  std::uint64_t message = 0;
  memcpy(&message, &request, sizeof(request));
  return message;
}

MPI_Request request_of(std::uint64_t message) {
  MPI_Request request = MPI_REQUEST_NULL;
  memcpy(&request, &message, sizeof(request));
  return request;
}

int begin_send(const std::byte* bytes, std::size_t size, int to, std::uint64_t* message) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = MPI_Isend(bytes, static_cast<int>(size), MPI_BYTE, to, 0, MPI_COMM_WORLD, &request);
  *message = message_of(request);
  return error;
}

int begin_receive(std::byte* bytes, std::size_t size, int from, std::uint64_t* message) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = MPI_Irecv(bytes, static_cast<int>(size), MPI_BYTE, from, 0, MPI_COMM_WORLD, &request);
  *message = message_of(request);
  return error;
}

int test(std::uint64_t message, int* is_over) {
  MPI_Request request = request_of(message);
  return MPI_Test(&request, is_over, MPI_STATUS_IGNORE);
}

int wait_for(std::uint64_t message) {
  MPI_Request request = request_of(message);
  return wait(&request);
}

int broadcast(std::byte* bytes, std::size_t size, int root) {
  return in_parts(size, [&](std::size_t offset, int count, MPI_Request* request) {
    return MPI_Ibcast(bytes + offset, count, MPI_BYTE, root, MPI_COMM_WORLD, request);
  });
}

int least(std::int64_t* numbers, int count) {
  MPI_Request request = MPI_REQUEST_NULL;
  const int error = MPI_Iallreduce(MPI_IN_PLACE, numbers, count, MPI_INT64_T, MPI_MIN, MPI_COMM_WORLD, &request);
  return error == MPI_SUCCESS ? wait(&request) : error;
}

void abort_all(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

void explain(int error, char* text, std::size_t size) {
  char whole[MPI_MAX_ERROR_STRING + 1] = {};
  int length = 0;
  MPI_Error_string(error, whole, &length);
  strncpy(text, whole, size - 1);
  text[size - 1] = '\0';
}

constexpr MpiFunctions functions = {start,    end,       begin_send, begin_receive, test,
                                    wait_for, broadcast, least,      abort_all,     explain};

}  // namespace

const MpiFunctions* mfld_mpi_functions_2() { return &functions; }
